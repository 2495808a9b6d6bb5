"""What a key policy decides, by enumeration: principals x actions x contexts, in every world that AWS's documents leave open.

Written from AWS's documents, not from kmsctl's code. A request is a principal, an action and a context. Where a document of AWS
leaves open what happens, the answer is a doubt; a world answers every doubt. Two statements share a doubt only if the same
facts decide it.

IAM UG is the IAM User Guide, KMS DG the KMS Developer Guide.
"""
