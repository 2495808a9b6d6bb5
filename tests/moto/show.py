"""Prints the keys, aliases and grants that the local AWS holds, with the standard library alone."""
import json
import os
import urllib.request

REGION = "ap-northeast-2"


def kms(operation, **body):
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"],
        data=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"TrentService.{operation}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/{REGION}/kms/aws4_request, "
            "SignedHeaders=host, Signature=0",
        },
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


for key in kms("ListKeys")["Keys"]:
    about = kms("DescribeKey", KeyId=key["KeyId"])["KeyMetadata"]
    if about["KeyManager"] != "CUSTOMER":
        continue
    print(f"  {about['Arn']}")
    print(f"    {about['KeyState']}: {about['Description']}")
    print(f"    rotates: {kms('GetKeyRotationStatus', KeyId=key['KeyId'])['KeyRotationEnabled']}")
    for tag in kms("ListResourceTags", KeyId=key["KeyId"])["Tags"]:
        print(f"    tag {tag['TagKey']}={tag['TagValue']}")
    policy = json.loads(kms("GetKeyPolicy", KeyId=key["KeyId"], PolicyName="default")["Policy"])
    for statement in policy["Statement"]:
        print(f"    statement {statement['Sid']!r}")
    for alias in kms("ListAliases", KeyId=key["KeyId"])["Aliases"]:
        print(f"    {alias['AliasName']}")
    for grant in kms("ListGrants", KeyId=key["KeyId"])["Grants"]:
        print(f"    grant {grant['Name']} to {grant['GranteePrincipal']}: {', '.join(grant['Operations'])}")
