"""Makes the users and roles that the examples and the tests name: a policy may name nobody who does not exist.

  AWS_ENDPOINT_URL=… identities.py [role/NAME | user/NAME …]
"""
import os
import sys
import urllib.parse
import urllib.request

KNOWN = """
role/Admin role/AmazonESManager role/App role/Batch role/SecurityAdmin role/batch role/kmsctl
role/sessions-web role/report-reader role/report-writer role/billing role/billing-batch role/orders role/orders-batch role/search role/search-batch
role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling
user/Bob user/ESAdmin user/umemoto
"""
SCOPE = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0"


def create(kind, path, name):
    body = {"Version": "2010-05-08", "Action": f"Create{kind.title()}", f"{kind.title()}Name": name, "Path": path}
    if kind == "role":
        body["AssumeRolePolicyDocument"] = '{"Version":"2012-10-17","Statement":[]}'
    request = urllib.request.Request(
        os.environ["AWS_ENDPOINT_URL"], urllib.parse.urlencode(body).encode(), {"Authorization": SCOPE}
    )
    urllib.request.urlopen(request, timeout=10).read()


for identity in sys.argv[1:] or KNOWN.split():
    kind, rest = identity.split("/", 1)
    path, _, name = rest.rpartition("/")
    create(kind, f"/{path}/" if path else "/", name)
