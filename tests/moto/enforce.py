"""Decides requests by IAM policies, as AWS does for the identity that they are attached to.

A small evaluator of `Allow` statements: actions and resources with wildcards, and the condition operators that kmsctl
prints. The facts of a request come from its text, and the tags of resources from the local AWS behind the proxy. moto's
own enforcement knows no conditions.
"""
import fnmatch
import http.client
import json
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

ACCOUNT = "123456789012"


def matches(pattern, text):
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def listed(value):
    return value if isinstance(value, list) else [value]


def holds(operator, wanted, found):
    """Whether a condition is met by the values that a request has; `None` if it does not have the key."""
    if operator.startswith("ForAllValues:"):
        return all(holds(operator.split(":")[1], wanted, [value]) for value in found or [])
    if operator.startswith("ForAnyValue:"):
        return any(holds(operator.split(":")[1], wanted, [value]) for value in found or [])
    if operator.endswith("IfExists"):
        return found is None or holds(operator.removesuffix("IfExists"), wanted, found)
    if operator == "StringNotEquals":
        return found is None or not any(value in wanted for value in found)
    if found is None:
        return False
    if operator in ("StringEquals", "ArnEquals"):
        return any(value in wanted for value in found)
    if operator == "Bool":
        return any(value.lower() in [w.lower() for w in wanted] for value in found)
    if operator == "NumericEquals":
        return any(float(value) in [float(w) for w in wanted] for value in found)
    raise ValueError(f"no such operator here: {operator}")


class Policies:
    def __init__(self, documents):
        self.statements = [statement for document in documents for statement in document["Statement"]]

    def allows(self, action, resource, context):
        return any(self.applies(statement, action, resource, context) for statement in self.statements)

    @staticmethod
    def applies(statement, action, resource, context):
        if action not in listed(statement["Action"]):
            return False
        if not any(matches(pattern, resource) for pattern in listed(statement["Resource"])):
            return False
        return all(
            holds(operator, [str(value) for value in listed(values)], context.get(key))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )


class Unknown(Exception):
    """A request that the evaluator does not know. It is denied, and the proof fails."""


class Request:
    """A request, and what the local AWS knows about its resources."""

    def __init__(self, upstream, region, service, operation, body, path=""):
        self.upstream, self.region, self.service, self.operation = upstream, region, service, operation
        self.body, self.path = body, path
        self.context = {"aws:RequestedRegion": [region]}

    def arn(self, service, rest, account=ACCOUNT, region=None):
        return f"arn:aws:{service}:{self.region if region is None else region}:{account}:{rest}"

    def ask(self, service, headers, body, method="POST", path="/"):
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=60)
        scope = f"AWS4-HMAC-SHA256 Credential=local/20260101/{self.region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        connection.request(method, path, body, {"Authorization": scope, **headers})
        text = connection.getresponse().read()
        connection.close()
        return text

    def with_tags(self, tags):
        return {**self.context, **{f"aws:ResourceTag/{key}": [value] for key, value in tags.items()}}

    def request_tags(self, tags):
        context = dict(self.context)
        for key, value in tags.items():
            context[f"aws:RequestTag/{key}"] = [value]
        context["aws:TagKeys"] = list(tags)
        return context

    def checks(self):
        """Returns the actions that AWS checks: each with its resource and the condition keys of the request."""
        return getattr(self, self.service.replace("-", "_"))()

    def kms_tags(self, key):
        body = json.dumps({"KeyId": key})
        head = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListResourceTags"}
        found = json.loads(self.ask("kms", head, body))
        return {tag["TagKey"]: tag["TagValue"] for tag in found.get("Tags", [])}

    def key(self, name):
        arn = name if name.startswith("arn:") else self.arn("kms", f"key/{name}")
        return arn, self.with_tags(self.kms_tags(arn.rsplit("/", 1)[1]))

    def kms(self):
        body, operation = self.body, self.operation
        action = f"kms:{operation}"
        if operation in ("ListKeys", "ListAliases"):
            return [(action, "*", self.context)]
        if operation == "CreateKey":
            context = self.request_tags({tag["TagKey"]: tag["TagValue"] for tag in body.get("Tags", [])})
            tagging = ("kms:TagResource", self.arn("kms", "key/*"), dict(context))
            context["kms:KeySpec"] = [body.get("KeySpec", "SYMMETRIC_DEFAULT")]
            context["kms:KeyUsage"] = [body.get("KeyUsage", "ENCRYPT_DECRYPT")]
            context["kms:KeyOrigin"] = [body.get("Origin", "AWS_KMS")]
            context["kms:MultiRegion"] = [str(body.get("MultiRegion", False))]
            if "BypassPolicyLockoutSafetyCheck" in body:
                context["kms:BypassPolicyLockoutSafetyCheck"] = [str(body["BypassPolicyLockoutSafetyCheck"])]
            return [(action, "*", context)] + ([tagging] if body.get("Tags") else [])
        if operation.endswith("Alias"):
            names = [body["TargetKeyId"]] if "TargetKeyId" in body else []
            names += self.target(body["AliasName"]) if operation != "CreateAlias" else []
            keys = [(action, *self.key(name)) for name in names]
            return [(action, self.arn("kms", body["AliasName"]), self.context), *keys]
        arn, context = self.key(body["KeyId"])
        if operation == "TagResource":
            context |= self.request_tags({tag["TagKey"]: tag["TagValue"] for tag in body["Tags"]})
        for field, key in [
            ("BypassPolicyLockoutSafetyCheck", "kms:BypassPolicyLockoutSafetyCheck"),
            ("TagKeys", "aws:TagKeys"),
            ("RotationPeriodInDays", "kms:RotationPeriodInDays"),
            ("PendingWindowInDays", "kms:ScheduleKeyDeletionPendingWindowInDays"),
            ("GranteePrincipal", "kms:GranteePrincipal"),
            ("RetiringPrincipal", "kms:RetiringPrincipal"),
        ]:
            if field in body:
                context[key] = [str(value) for value in listed(body[field])]
        if operation == "CreateGrant":
            context["kms:GrantOperations"] = body["Operations"]
            if body.get("Constraints"):
                context["kms:GrantConstraintType"] = list(body["Constraints"])
        if operation == "UpdatePrimaryRegion":
            context["kms:PrimaryRegion"] = [body["PrimaryRegion"]]
        if operation == "ReplicateKey":
            context["kms:ReplicaRegion"] = [body["ReplicaRegion"]]
            return [(action, arn, context), *self.replica(arn, body)]
        return [(action, arn, context)]

    def replica(self, primary, body):
        """The checks in the Region of a new replica. KMS does not document which condition keys of a key they have: none here."""
        region = body["ReplicaRegion"]
        tags = {tag["TagKey"]: tag["TagValue"] for tag in body.get("Tags", [])}
        context = {**self.request_tags(tags), "aws:RequestedRegion": [region]}
        tagging = ("kms:TagResource", primary.replace(self.region, region), context)
        return [("kms:CreateKey", "*", {"aws:RequestedRegion": [region]})] + ([tagging] if tags else [])

    def target(self, alias):
        head = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListAliases"}
        found = json.loads(self.ask("kms", head, "{}"))["Aliases"]
        return [one["TargetKeyId"] for one in found if one["AliasName"] == alias and "TargetKeyId" in one]

    def tagging(self):
        return [(f"tag:{self.operation}", "*", self.context)]

    def sts(self):
        return [] if self.operation == "GetCallerIdentity" else self.unknown()

    def unknown(self):
        raise Unknown(f"{self.service} {self.operation} {self.path}")

    def iam(self):
        action = f"iam:{self.operation}"
        for kind in ("Role", "User"):
            if self.operation == f"Get{kind}":
                head = {"Content-Type": "application/x-www-form-urlencoded"}
                text = self.ask("iam", head, urllib.parse.urlencode(self.body)).decode()
                found = re.search(r"<Arn>(.*?)</Arn>", text)
                name = self.body[f"{kind}Name"]
                return [(action, found[1] if found else self.arn("iam", f"{kind.lower()}/{name}", region=""), self.context)]
        return [(action, "*", self.context)]

    def dynamodb(self):
        action, body = f"dynamodb:{self.operation}", self.body
        if self.operation == "ListTables":
            return [(action, "*", self.context)]
        arn = body.get("ResourceArn") or self.arn("dynamodb", f"table/{body['TableName']}")
        tagging = [("dynamodb:TagResource", arn, self.context)] if body.get("Tags") and self.operation == "CreateTable" else []
        return [(action, arn, self.context), *tagging]

    def cloudtrail(self):
        action, body = f"cloudtrail:{self.operation}", self.body
        if self.operation in ("DescribeTrails", "ListEventDataStores"):
            return [(action, "*", self.context)]
        if self.operation == "ListTags":
            return [(action, arn, self.context) for arn in body["ResourceIdList"]]
        name = body.get("Name") or body.get("TrailName") or body.get("ResourceId")
        arn = name if name.startswith("arn:") else self.arn("cloudtrail", f"trail/{name}")
        tagging = [("cloudtrail:AddTags", arn, self.context)] if body.get("TagsList") and self.operation == "CreateTrail" else []
        return [(action, arn, self.context), *tagging]

    def volume(self, volume):
        query = urllib.parse.urlencode({"Action": "DescribeVolumes", "Version": "2016-11-15", "VolumeId.1": volume})
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        root = ElementTree.fromstring(self.ask("ec2", head, query))
        tags = {}
        for item in root.iter():
            if item.tag.endswith("tagSet"):
                for tag in item:
                    values = {part.tag.rsplit("}", 1)[1]: part.text or "" for part in tag}
                    tags[values["key"]] = values["value"]
        return self.arn("ec2", f"volume/{volume}"), self.with_tags(tags)

    def ec2_tags(self, prefix):
        keys = {name: value for name, value in self.body.items() if re.fullmatch(rf"{prefix}\.\d+\.Key", name)}
        return {key: self.body.get(name.replace("Key", "Value"), "") for name, key in keys.items()}

    def ec2(self):
        action, body = f"ec2:{self.operation}", self.body
        if self.operation == "CreateVolume":
            arn = self.arn("ec2", "volume/*")
            context = self.request_tags(self.ec2_tags(r"TagSpecification\.1\.Tag"))
            return [(action, arn, context), ("ec2:CreateTags", arn, {**context, "ec2:CreateAction": ["CreateVolume"]})]
        if self.operation in ("CreateTags", "DeleteTags"):
            checks = []
            for name, volume in body.items():
                if name.startswith("ResourceId."):
                    arn, context = self.volume(volume)
                    checks.append((action, arn, context | self.request_tags(self.ec2_tags("Tag"))))
            return checks
        if "VolumeId" in body:
            return [(action, *self.volume(body["VolumeId"]))]
        return [(action, "*", self.context)]

    def rds(self):
        action, body = f"rds:{self.operation}", self.body
        if "Snapshots" in self.operation:
            return [(action, "*", self.context)]
        name = body.get("DBInstanceIdentifier") or body.get("DBClusterIdentifier") or "*"
        kind = "cluster" if "Cluster" in self.operation else "db"
        arn = body.get("ResourceName") or self.arn("rds", f"{kind}:{name}")
        checks = [(action, arn, self.context)]
        if self.operation in ("CreateDBInstance", "ModifyDBInstance"):
            usual = {"og": "default:mysql", "pg": "default.mysql", "subgrp": "default"}
            fields = {"og": "OptionGroupName", "pg": "DBParameterGroupName", "subgrp": "DBSubnetGroupName"}
            for kind, field in fields.items():
                if field in body or self.operation == "CreateDBInstance":
                    group = body.get(field, usual[kind])
                    checks.append((action, self.arn("rds", f"{kind}:{group}"), self.context))
        if self.operation.startswith("Create"):
            checks.append(("rds:AddTagsToResource", arn, self.context))
        return checks

    def elasticfilesystem(self):
        parts = urllib.parse.urlsplit(self.path).path.strip("/").split("/")[1:]
        method = self.operation
        if parts[0] == "mount-targets":
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            return [("elasticfilesystem:DescribeMountTargets", *self.file_system(asked["FileSystemId"][0]))]
        if parts[0] == "resource-tags":
            arn, context = self.file_system(parts[1])
            if method == "POST":
                tags = {tag["Key"]: tag["Value"] for tag in self.body["Tags"]}
                return [("elasticfilesystem:TagResource", arn, context | self.request_tags(tags))]
            asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            return [("elasticfilesystem:UntagResource", arn, {**context, "aws:TagKeys": asked["tagKeys"]})]
        if parts[0] != "file-systems":
            return self.unknown()
        if len(parts) == 1:
            every = self.arn("elasticfilesystem", "file-system/*")
            if method == "GET":
                return [("elasticfilesystem:DescribeFileSystems", every, self.context)]
            context = self.request_tags({tag["Key"]: tag["Value"] for tag in self.body["Tags"]})
            create = {**context, "elasticfilesystem:CreateAction": ["CreateFileSystem"]}
            return [
                ("elasticfilesystem:CreateFileSystem", "*", context),
                ("elasticfilesystem:TagResource", every, create),
            ]
        settings = {"lifecycle-configuration": "LifecycleConfiguration", "backup-policy": "BackupPolicy"}
        if len(parts) == 3:
            verb = {"GET": "Describe", "PUT": "Put"}[method]
            return [(f"elasticfilesystem:{verb}{settings[parts[2]]}", *self.file_system(parts[1]))]
        verb = {"GET": "DescribeFileSystems", "PUT": "UpdateFileSystem", "DELETE": "DeleteFileSystem"}[method]
        return [(f"elasticfilesystem:{verb}", *self.file_system(parts[1]))]

    def file_system(self, name):
        text = self.ask("elasticfilesystem", {}, None, "GET", f"/2015-02-01/file-systems?FileSystemId={name}")
        systems = json.loads(text).get("FileSystems", [])
        tags = {tag["Key"]: tag["Value"] for system in systems for tag in system.get("Tags", [])}
        return self.arn("elasticfilesystem", f"file-system/{name}"), self.with_tags(tags)

    def es(self):
        if self.path.startswith("/2021-01-01/domain"):
            return [("es:ListDomainNames", "*", self.context)]
        if self.path.endswith("/domain-info"):
            names = self.body.get("DomainNames", [])
            return [("es:DescribeDomains", self.arn("es", f"domain/{name}"), self.context) for name in names]
        return self.unknown()

    def region_of_bucket(self):
        """Returns the header with the Region of a bucket, which S3 sends even with a denial."""
        if (self.service, self.operation) != ("s3", "HEAD"):
            return []
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port, timeout=60)
        scope = f"AWS4-HMAC-SHA256 Credential=local/20260101/{self.region}/s3/aws4_request, SignedHeaders=host, Signature=0"
        connection.request("HEAD", self.path, headers={"Authorization": scope})
        found = connection.getresponse().headers.get("x-amz-bucket-region")
        connection.close()
        return [("x-amz-bucket-region", found)] if found else []

    def s3(self):
        split = urllib.parse.urlsplit(self.path)
        bucket, asked = split.path.strip("/").split("/")[0], urllib.parse.parse_qs(split.query, True)
        arn = f"arn:aws:s3:::{bucket}"
        if not bucket:
            return [("s3:ListAllMyBuckets", "*", self.context)]
        if self.operation == "HEAD":
            return [("s3:ListBucket", arn, self.context)]
        if "policy" in asked:
            return [("s3:GetBucketPolicy", arn, self.context)]
        if "encryption" in asked:
            verb = {"GET": "Get", "PUT": "Put"}[self.operation]
            return [(f"s3:{verb}EncryptionConfiguration", arn, self.context)]
        return self.unknown()


def denial(service, action, resource):
    """Returns the status, the text and the type of the answer with which a service denies a request."""
    message = f"User is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows it"
    if service == "ec2":
        body = f"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>{message}</Message></Error></Errors></Response>"
        return 403, body.encode(), "text/xml"
    if service in ("rds", "iam", "sts"):
        body = f"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error></ErrorResponse>"
        return 403, body.encode(), "text/xml"
    if service == "s3":
        return 403, f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>".encode(), "application/xml"
    body = {"__type": "AccessDeniedException", "code": "AccessDeniedException", "message": message, "Message": message}
    return (403 if service in ("elasticfilesystem", "es") else 400), json.dumps(body).encode(), "application/x-amz-json-1.1"
