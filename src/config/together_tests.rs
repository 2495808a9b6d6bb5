//! Tests of what is told together, and of what is not told because it only follows.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::load::{Given, from_sources};
use super::resolve_tests::given;
use crate::decode::{Diagnostics, Sources, secrets};
use crate::desired::Desired;

/// Loads and checks, as `validate` does.
fn checked(
    files: &[(&str, &str)],
    vars: &[(&str, &str)],
) -> (Option<Desired>, Diagnostics, Sources) {
    let mut sources = Sources::new();
    let numbers: Vec<u16> = files.iter().map(|(name, text)| sources.add(*name, *text)).collect();
    let vars: Given = vars.iter().map(|(name, value)| ((*name).to_owned(), given(value))).collect();
    let mut d = Diagnostics::default();
    let mut loaded = from_sources(sources, &numbers, &vars, &mut d);
    let (desired, more) = loaded.check(None);
    d.extend(more);
    (desired, d, loaded.sources)
}

/// The messages, each with its place, in the order found.
fn told(files: &[(&str, &str)], vars: &[(&str, &str)]) -> String {
    let (desired, d, sources) = checked(files, vars);
    assert_eq!(desired.is_none(), d.has_errors());
    let mut out = String::new();
    for one in &d {
        let place = one.span.map(|span| sources.place(span)).unwrap_or_default();
        let help = one.help.as_deref().unwrap_or_default();
        writeln!(out, "{place} {}; {help}", one.message).unwrap();
    }
    out
}

fn one(text: &str) -> String {
    told(&[("a.yaml", text)], &[])
}

#[test]
fn an_invalid_stack_name_suppresses_no_other_error() {
    insta::assert_snapshot!(
        one("stack: a b\nkeys: {k: {deletion_window_days: 3}}\n"),
        @r##"
    a.yaml:1:8 `a b` is not a name; use 1 to 64 letters, digits, `_` and `-` (kmsctl writes names into tags and grant names)
    a.yaml:2:34 a deletion window of 3 days is not possible; AWS accepts 7 to 30
    "##
    );
}

#[test]
fn a_variable_without_a_value_suppresses_only_errors_about_its_uses() {
    let text = r#"
stack: "${var.name}"
vars: {name: ~, x: ~, derived: "${aws.acount}"}
keys:
  a:
    deletion_window_days: "${var.x}"
  b:
    region: "${var.x}"
    spec: "${var.x}"
    rotation: {}
    aliases: ["${var.x}", app, "a b"]
    adopt: "${var.x}"
    policy: {administrators: ["role/${var.x}*", "${var.x}", nobody], delegate_to_iam: false}
    grants: {g: {grantee: "${var.derived}", operations: ["${var.x}", Decript], account: gone}}
  c:
    region: "${var.x}"
    aliases: ["${var.x}", app]
    policy:
      delegate_to_iam: false
      statements: [{Effect: Allow, Principal: {AWS: "*"}, Action: "kms:*", Resource: "*", Condition: {StringEquals: {"aws:PrincipalOrgID": "${var.x}"}}}]
"#;
    insta::assert_snapshot!(one(text), @r##"
    a.yaml:3:8 `name` has no value; set one with `--var name=VALUE` or `--var-file`
    a.yaml:3:17 `x` has no value; set one with `--var x=VALUE` or `--var-file`
    a.yaml:3:32 unknown variable `${aws.acount}`; did you mean `${aws.account_id}`?
    a.yaml:13:61 `nobody` is not a principal; write `role/NAME`, `user/NAME`, `root`, a 12-digit account or a whole ARN (`arn:aws:iam::ACCOUNT:role/NAME`)
    a.yaml:11:32 `a b` is not an alias name; use 1 to 250 letters, digits, `/`, `_` and `-` after `alias/`
    a.yaml:14:70 `Decript` is not an operation of grants; did you mean `Decrypt`?
    a.yaml:14:89 `accounts` has no entry `gone`; declare it under `accounts`, with its id and a role
    "##);
    // A misspelt `--var` hides nothing either.
    insta::assert_snapshot!(told(&[("a.yaml", "stack: s\nvars: {x: ~}\nkeys: {k: {deletion_window_days: 3}}\n")], &[("y", "1")]), @r##"
    a.yaml:2:8 `x` has no value; set one with `--var x=VALUE` or `--var-file`
     `--var y`: the variable is not declared; declare it under `vars`
    a.yaml:3:34 a deletion window of 3 days is not possible; AWS accepts 7 to 30
    "##);
}

#[test]
fn an_unreadable_file_suppresses_only_errors_about_missing_declarations() {
    let files = [
        ("a.yaml", "stack: s\nvars: {x: 1\n"),
        (
            "b.yaml",
            "keys:\n  k: {deletion_window_days: 3, aliases: [\"${var.y}\"]}\n  k: {}\n  l: {grants: {g: {grantee: role/x, operations: [Decrypt], account: workload}}}\n",
        ),
        ("c.yaml", "keys: {k: {}, m: {enabled: maybe}, m: {}}\n"),
        ("d.yaml", "[]"),
    ];
    insta::assert_snapshot!(told(&files, &[("y", "1")]), @r##"
    a.yaml:2:7 the bracket has no end; add the closing bracket
    b.yaml:3:3 the key `k` is given twice; keep one of the two
    c.yaml:1:36 the key `m` is given twice; keep one of the two
    c.yaml:1:8 `keys.k` is declared twice; 
    d.yaml:1:1 expected a map, found a list; write each field as `NAME: VALUE`, such as `stack: payments-prod`; `kmsctl init` writes a first configuration
    c.yaml:1:28 expected true or false, found text; write `enabled: true`, or `enabled: false`
    b.yaml:2:29 a deletion window of 3 days is not possible; AWS accepts 7 to 30
    "##);
}

#[test]
fn the_error_for_a_missing_value_says_what_to_write() {
    insta::assert_snapshot!(
        one("stack: s\nx-common: &c {enabled: true}\ndefaults:\nkeys:\n  a:\n  b:\n    aliases:\n    grants:\n      g: {grantee: , operations: [Decrypt]}\n"),
        @r##"
    a.yaml:2:1 unknown field `x-common`; put the settings of all keys into `defaults`, a value that is used several times into `vars`, and an anchor where its text first occurs; known fields: stack, account, region, vars, defaults, accounts, keys, ebs, cloudtrail, dynamodb, efs, es, rds, s3, auto_scaling, service_linked_roles, gates, moved, removed, accept_use, lint
    a.yaml:5:4 expected a map, found nothing; write `a: {}`
    a.yaml:7:12 expected a list, found nothing; write `aliases: []`, or remove `aliases`
    a.yaml:9:18 expected text, found nothing; write `grantee: role/NAME`
    "##
    );
    insta::assert_snapshot!(one("stack: s\nkeys:\n"), @r##"a.yaml:2:5 expected a map, found nothing; write `keys: {}`, or remove `keys`"##);
}

#[test]
fn a_policy_with_which_a_key_could_become_unmanageable_is_refused() {
    let text = "stack: s\nkeys:\n  a:\n    policy: {administrators: [role/x], delegate_to_iam: false}\n  b: {policy: {administrators: [role/x], delegate_to_iam: false, allow_lockout: a test}}\n";
    insta::assert_snapshot!(one(text), @r#"a.yaml:4:13 the key could become unmanageable: only `role/x` could change the policy, and no one could after it is deleted; keep the account-root statement (`delegate_to_iam: true`; in a `document`, write the statement), or name a second administrator, or set `allow_lockout: <reason>` in the policy"#);
    let (desired, d, sources) = checked(&[("a.yaml", text)], &[]);
    assert!(desired.is_some() && d.has_refusals() && !d.has_errors());
    insta::assert_snapshot!(d.render(&sources, false, None).lines().next().unwrap(), @r#"refused: the key could become unmanageable: only `role/x` could change the policy, and no one could after it is deleted"#);
    assert!(d.without_objections().is_empty());
}

#[test]
fn an_example_account_and_region_cause_no_error() {
    let keys = "stack: s\nkeys:\n  a:\n    policy:\n      document: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Principal: {AWS: \"arn:aws-cn:iam::999900001111:root\"}, Action: \"kms:*\", Resource: \"*\"}]}\n  b: {existing: \"arn:aws-cn:kms:cn-north-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab\", aliases: [x]}\n  c: {adopt: \"arn:aws-cn:kms:cn-north-1:999900001111:key/1234abcd-12ab-34cd-56ef-1234567890ab\"}\n";
    assert_eq!(one(keys), "");
    insta::assert_snapshot!(one(&format!("account: 111122223333\nregion: eu-west-1\n{keys}")), @r##"
    a.yaml:7:86 `arn:aws-cn:iam::999900001111:root` is in the partition `aws-cn`, the key in `aws`; name an identity of the partition `aws`, or correct the Region (or `--partition`) of the key
    a.yaml:8:17 this key is not in the stack's partition `aws`; an account has no access to other partitions
    a.yaml:8:110 the key is in account 999900001111, where this stack cannot manage aliases; an alias is in the account of its key: remove it here
    a.yaml:9:14 the key is in 999900001111 in cn-north-1, but it is declared in 111122223333 in eu-west-1; set the key's `region`; for a key of another account, use `existing`
    "##);
}

#[test]
fn no_excerpt_contains_a_secret() {
    for field in [
        "master_password: hunter2xyz",
        "master_pasword: hunter2xyz",
        "masterPassword: hunter2xyz",
        "\"master_password \": hunter2xyz",
        "master_passwd: hunter2xyz",
        "mstr_pw: hunter2xyz",
        "db_pwd: 7777hunter2",
        "masterUserPwd: hunter2xyz",
        "dbPass: hunter2xyz",
        "pw1: hunter2xyz",
        "masterPasword: hunter2xyz",
        "passphrase: hunter2xyz",
        "token: hunter2xyz",
        "master_password: {env: 'hunter2!'}",
        "master_password: '${hunter2xyz'",
        "master_password: '${var.x}hunter2xyz'",
        "master_password: {hunter2xyz: x}",
        "master_password: {hunter2xyz}",
        "master_password: [hunter2xyz, hunter2xyz]",
        "master_password: {value: hunter2xyz}",
        "master_password: {env: NAME, x: hunter2xyz}",
        "master_password: |\n        hunter2xyz",
        "master_password:\n        value: hunter2xyz",
        "master_password=hunter2xyz: 1",
        "'master_password: hunter2xyz': 1",
        "master_password:hunter2xyz: 1",
        "master_password: managed # hunter2xyz",
        "port: no # the password is hunter2xyz",
        // Texts with a syntax error.
        "x: {pw: hunter2xyz, foo: @a}",
        "x: {'master_password' : $hunter2xyz, foo: @a}",
        "master_password: @hunter2xyz",
        "master_password: \"a\",hunter2xyz",
        "master_password: a\n        hunter2xyz: x",
        "master_password:\n        *hunter2xyz",
        "master_password:\n      - x: 1\n      - hunter2xyz: @a",
        "x: [hunter2xyz password, @a]",
        // What is beside the value, or under a duplicate key.
        "master_password: {env: A}\n      master_password: hunter2xyz",
        "x: {master_password: {env: A}, master_password: hunter2xyz}",
        "x: 1\n    orders: {master_password: hunter2xyz}",
        "master_password: &hunter2xyz x",
        "x: {master_password: a,hunter2xyz}",
        "x: master_password=hunter2xyz",
        "description: 'master_password: hunter2xyz'",
        "master_password: '${var.hunter2xyz'",
        "x: {name: master_password, value: hunter2xyz}",
        "master_password: {env: 9hunter2}",
        "port: no\t# hunter2xyz is the password",
        "port: no #hunter2xyz password",
    ] {
        let text = format!(
            "stack: s\nkeys: {{k: {{}}}}\nrds:\n  instances:\n    orders:\n      enginee: mysql\n      \
             {field}\n      port: no\n"
        );
        let (_, found, sources) = checked(&[("a.yaml", &text)], &[]);
        let report = found.render(&sources, false, None);
        assert!(report.contains("error"), "{report}");
        assert!(!report.contains("hunter2"), "{field}: {report}");
    }
}

#[test]
fn what_is_no_secret_is_in_the_excerpts_and_messages() {
    for (text, shown) in [
        ("keys: {secrets: {descripton: x}}", "`descripton`"),
        ("keys: {security: {spec: RSA_9}}", "`RSA_9`"),
        (
            "keys: {k: {}}\nrds: {instances: {passports: {key: kk, engine: mysql}}}",
            "there is no key `kk`",
        ),
        (
            "keys: {k: {}}\nrds: {instances: {o: {key: k, engine: mysql, security_groups: [sg-zz]}}}",
            "`sg-zz` is not the id",
        ),
        (
            "keys:\n  k:\n    policy:\n      statements:\n      - {Sid: A, Effect: Allow, Principal: '*', \
             Action: 'kms:*', Resource: '*', Condition: {StringEquals: \
             {'kms:EncryptionContext:SecretARN': {x: y}}}}",
            "`kms:EncryptionContext:SecretARN` is a map",
        ),
        (
            "keys: {k: {policy: {document: '{\"Condition\": {\"aws:TokenIssueTime\": \"x\" 1}}'}}}",
            "expected `,` or `}`, found `1`",
        ),
    ] {
        let (_, found, sources) = checked(&[("a.yaml", &format!("stack: s\n{text}\n"))], &[]);
        let report = found.render(&sources, false, None);
        assert!(report.contains(shown) && !report.contains("**"), "{text}: {report}");
    }
}

/// A field that AWS's resources have is never hidden, except for the one that holds a secret.
#[test]
fn the_rules_for_secrets_know_the_schema() {
    fn walk(
        schema: &serde_json::Value,
        name: &str,
        fields: &mut BTreeSet<String>,
        named: &mut BTreeSet<String>,
    ) {
        match schema {
            serde_json::Value::Object(members) => {
                if members.get("additionalProperties").is_some_and(serde_json::Value::is_object) {
                    named.insert(name.to_owned());
                }
                for (member, inner) in members {
                    match (member.as_str(), inner) {
                        ("properties", serde_json::Value::Object(properties)) => {
                            for (field, inner) in properties {
                                fields.insert(field.clone());
                                walk(inner, field, fields, named);
                            }
                        }
                        _ => walk(inner, name, fields, named),
                    }
                }
            }
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| walk(item, name, fields, named));
            }
            _ => {}
        }
    }
    let (mut fields, mut named) = (BTreeSet::new(), BTreeSet::new());
    walk(&crate::config::schema(), "", &mut fields, &mut named);
    let secret: Vec<&String> =
        fields.iter().filter(|field| secrets::may_be_secret(field)).collect();
    assert_eq!(secret, ["master_password"]);
    // Variables hold only text, so their names are judged as those of fields.
    named.remove("vars");
    assert!(named.iter().eq(secrets::NAMED), "{named:?}");
}

/// A stack with errors in several places, and places for values.
const PROBED: &str = r#"
stack: s
keys:
  a:
    tags: TAGS
    rotation: ROTATION
    aliases: ["x y"]
    grants: GRANTS
    policy: {administrators: ["role/*"], users: USERS, decrypt_only: ["role/?"]}
  b: KEY
moved: MOVED
dynamodb:
  tables:
    first: {key: a, partition_key: SORT, used_by: USED, billing: nothing}
    second: {key: nope, partition_key: {name: id, type: S}}
"#;

/// The values that are right in each place.
const PLACES: [(&str, &str); 8] = [
    ("TAGS", "{team: a}"),
    ("ROTATION", "{period_days: 365}"),
    ("GRANTS", "{}"),
    ("USERS", "[role/App]"),
    ("KEY", "{}"),
    ("MOVED", "[]"),
    ("SORT", "{name: id, type: S}"),
    ("USED", "[role/Web]"),
];

#[test]
fn a_value_of_the_wrong_kind_hides_no_error_beside_it() {
    let with = |changed: &str, value: &str| {
        PLACES.iter().fold(PROBED.to_owned(), |text, (place, right)| {
            text.replace(place, if *place == changed { value } else { right })
        })
    };
    let expected: Vec<String> = one(&with("", "")).lines().map(str::to_owned).collect();
    assert_eq!(expected.len(), 5, "{expected:#?}");
    let wrong =
        ["hello", "7", "true", "[[], []]", "[x, {y: z}]", "{x: {y: [z]}}", "[{x: 1}, {x: 2}]"];
    for (place, _) in PLACES {
        for value in wrong {
            let found = one(&with(place, value));
            // Positions behind the value move.
            let message = |line: &str| line.split_once(' ').unwrap().1.to_owned();
            let messages: Vec<String> = found.lines().map(message).collect();
            for line in &expected {
                assert!(messages.contains(&message(line)), "{place}: {value}: {line}\n{found}");
            }
            for follows in ["there is no key `a`", "is not given"] {
                assert!(!found.contains(follows), "{place}: {value}: {found}");
            }
        }
    }
}

#[test]
fn what_is_inside_a_value_of_the_wrong_kind_is_judged() {
    for (text, inside) in [
        ("keys: {a: {policy: {users: 'role/*'}}}", "`role/*` has a wildcard"),
        (
            "keys: {a: {policy: [users: ['role/*'], administrators: [role/A]]}}",
            "`role/*` has a wildcard",
        ),
        ("keys: [a: {deletion_window_days: 3}]", "a deletion window of 3 days"),
        ("keys: [{name: a, descriptoin: x}]", "unknown field `descriptoin`"),
        ("keys: {a: {deletion_window_days: [3]}}", "a deletion window of 3 days"),
        ("keys: {a: {usage: [SIGN]}}", "SIGN"),
        ("keys: {a: {rotation: [{period_days: 3}]}}", "a rotation period of 3 days"),
        ("moved: {from: key/a}", "missing field `to`"),
        ("moved: {a: {form: key/a, to: key/b}}", "unknown field `form`"),
        ("lint: {waivers: {rule: KMS301, adress: key/a}}", "unknown field `adress`"),
    ] {
        let found = one(&format!("stack: s\n{text}\n"));
        assert!(found.contains("expected "), "{text}: {found}");
        assert!(found.contains(inside), "{text}: {found}");
    }
}

#[test]
fn names_in_a_section_that_cannot_be_read_may_be_meant() {
    let table = "dynamodb: {tables: {first: {key: a, partition_key: {name: id, type: S}}}}";
    for keys in ["hello", "[{name: a}]", "[a]"] {
        let found = one(&format!("stack: s\nkeys: {keys}\n{table}\n"));
        assert!(found.contains("expected a map") && !found.contains("there is no key"), "{found}");
    }
}

#[test]
fn a_field_that_is_as_deep_as_a_name_belongs_to_the_name_above() {
    let text = "stack: s\nkeys:\n  app:\n  description: x\n  aliases: [app]\n  rotation: {enabled: false}\n  deletion_window_days: 3\n  web: {}\n  tags: {team: a}\n\
        dynamodb:\n  tables:\n    first:\n    key: app\n    partition_key: {name: id, type: S}\n";
    insta::assert_snapshot!(one(text), @r##"
    a.yaml:4:3 `description` is a field of a KMS key, not a name; indent `description` under `app:`
    a.yaml:5:3 `aliases` is a field of a KMS key, not a name; indent `aliases` under `app:`
    a.yaml:6:3 `rotation` is a field of a KMS key, not a name; indent `rotation` under `app:`
    a.yaml:7:3 `deletion_window_days` is a field of a KMS key, not a name; indent `deletion_window_days` under `app:`
    a.yaml:9:3 `tags` is a field of a KMS key, not a name; indent `tags` under `web:`
    a.yaml:13:5 `key` is a field of a DynamoDB table, not a name; indent `key` under `first:`
    a.yaml:14:5 `partition_key` is a field of a DynamoDB table, not a name; indent `partition_key` under `first:`
    a.yaml:7:25 a deletion window of 3 days is not possible; AWS accepts 7 to 30
    "##);
    // The first name is missing, and so is every key: a reference to one is not judged.
    let text = "stack: s\nkeys:\n  description: x\nebs: {default: {key: app}}\n";
    insta::assert_snapshot!(one(text), @"a.yaml:3:3 `description` is a field of a KMS key, not a name; write the name first: `NAME: {description: ...}`");
    // Names may be words that are fields, too.
    let text =
        "stack: s\nkeys: {app: {}, policy: {description: x}, tags: {}, grants: {enabled: true}}\n";
    assert_eq!(one(text), "");
}

#[test]
fn a_name_that_is_as_deep_as_a_field_is_a_name_of_its_own() {
    let text = "stack: s\nkeys:\n  app:\n    description: x\n    web:\n      description: y\n      deletion_window_days: 3\n    colour: {red: 1}\n\
        ebs: {default: {key: web}}\n";
    insta::assert_snapshot!(one(text), @r##"
    a.yaml:5:5 unknown field `web`; if `web` is a name like `app`, indent it as much
    a.yaml:8:5 unknown field `colour`; known fields: description, aliases, tags, enabled, rotation, policy, grants, foreign_grants, protect, deletion_window_days, region, spec, usage, origin, multi_region, primary_region, replicas, custom_key_store_id, xks_key_id, adopt, tag, existing
    a.yaml:7:29 a deletion window of 3 days is not possible; AWS accepts 7 to 30
    "##);
}

#[test]
fn an_unknown_field_below_a_field_without_a_value_may_belong_to_it() {
    let text = "stack: s\nkeys:\napp:\n  description: x\nebs:\n  default: {key: app}\n";
    insta::assert_snapshot!(one(text), @"a.yaml:3:1 unknown field `app`; if `app` belongs to `keys`, indent it under `keys:`");
    let text = "stack: s\nkeys:\n  app:\n    rotation:\n    period_days: 365\n    policy:\n    users: [role/App]\n    descriptoin: ~\n    spec: ~\n    enable: true\n";
    insta::assert_snapshot!(one(text), @r##"
    a.yaml:5:5 unknown field `period_days`; if `period_days` belongs to `rotation`, indent it under `rotation:`
    a.yaml:7:5 unknown field `users`; if `users` belongs to `policy`, indent it under `policy:`
    a.yaml:8:5 unknown field `descriptoin`; did you mean `description`? Or, if `descriptoin` belongs to `policy`, indent it under `policy:`
    a.yaml:10:5 unknown field `enable`; did you mean `enabled`?
    "##);
}

/// What refers to another entry is checked in the same run, also inside of an entry with errors; what refers to an
/// entry with errors is right.
#[test]
fn references_are_checked_together_with_everything_else() {
    let text = "stack: s\nkeys:\n  app:\n    enabled: maybe\n    multi_region: true\n    replicas: {eu-central-1: {}}\n\
        \x20   grants: {g: {grantee: role/x, operations: [Decrypt], account: gone}, h: {operations: [Decrypt], account: other}}\n\
        accounts: {other: {id: 1}}\n\
        dynamodb:\n  tables:\n    one: {key: nope}\n    two: {key: app}\n    three: {key: app/eu-central-1, region: eu-central-1}\n    four: {key: alias/x}\n\
        auto_scaling: {groups: {web: {key: nope, account: gone, suffix: [[]]}}}\n\
        moved: [{from: key/old, to: key/app}, {from: key/older, to: key/nope}, {from: key/app, to: key/app}]\n";
    insta::assert_snapshot!(one(text), @r##"
    a.yaml:8:19 missing field `role`; write `role: role/NAME`
    a.yaml:4:14 expected true or false, found text; write `enabled: true`, or `enabled: false`
    a.yaml:7:77 missing field `grantee`; write `grantee: role/NAME`
    a.yaml:15:65 expected text, found a list; write `suffix: TEXT`
    a.yaml:11:16 there is no key `nope` in the stack; name one of `keys`, or give an ARN or an alias (`alias/NAME`)
    a.yaml:11:5 `partition_key` is not given; set `partition_key: {name: id, type: S}`, or `existing:` for a table that exists
    a.yaml:12:5 `partition_key` is not given; set `partition_key: {name: id, type: S}`, or `existing:` for a table that exists
    a.yaml:13:5 `partition_key` is not given; set `partition_key: {name: id, type: S}`, or `existing:` for a table that exists
    a.yaml:14:5 `partition_key` is not given; set `partition_key: {name: id, type: S}`, or `existing:` for a table that exists
    a.yaml:15:36 there is no key `nope` in the stack; name one of `keys`, or give an ARN or an alias (`alias/NAME`)
    a.yaml:15:51 `accounts` has no entry `gone`; declare it under `accounts`, with its id and a role
    a.yaml:7:67 `accounts` has no entry `gone`; declare it under `accounts`, with its id and a role
    a.yaml:16:61 `key/nope` is not declared; write the new name of the key, as under `keys`
    a.yaml:16:79 `key/app` is both declared and moved; remove one of the two
    "##);
}

/// The help for a name of another tool has the whole form if the value differs, too.
#[test]
fn the_names_and_forms_of_other_tools_lead_to_ours() {
    for (text, help) in [
        (
            "keys: {a: {enable_key_rotation: true}}",
            "did you mean `rotation`? Write `rotation: {period_days: 365}`",
        ),
        ("keys: {a: {rotation: true}}", "write `rotation: {period_days: 365}`"),
        ("keys: {a: {name: alias/app}}", "did you mean `aliases`? Write `aliases: [NAME]`"),
        ("vars: {x: a}\nkeys: {a: {aliases: ['${x}']}}", "did you mean `${var.x}`?"),
        ("vars: {x: a}\nkeys: {a: {aliases: ['${vars.x}']}}", "did you mean `${var.x}`?"),
        ("vars: {x: a}\nkeys: {a: {aliases: ['${local.x}']}}", "did you mean `${var.x}`?"),
        (
            "vars: {x: a}\nkeys: {a: {aliases: ['${vars.y}']}}",
            "declare it under `vars`, and write `${var.NAME}`",
        ),
    ] {
        let found = one(&format!("stack: s\n{text}\n"));
        assert!(found.contains(help), "{text}: {found}");
        assert_eq!(found.lines().count(), 1, "{text}: {found}");
    }
    // A field without a value stays an error if what follows it is misspelt.
    let text = "stack: s\nkeys:\n  a:\n    aliases:\n    descriptoin: x\n";
    assert!(one(text).contains("expected a list, found nothing"), "{}", one(text));
    // The variables of IAM are left alone, and so is a word that is no variable.
    let text = "stack: s\nvars: {x: a}\nkeys: {a: {description: '${aws:username} ${y} ${*}'}}\n";
    assert_eq!(one(text), "");
}

#[test]
fn a_principal_without_its_type_is_shown_with_it() {
    for (principal, help) in [
        (
            "role/App",
            "write `Principal: {AWS: \"arn:aws:iam::ACCOUNT:role/App\"}`, or `\"*\"` for everyone",
        ),
        ("[role/App, role/B]", "write `Principal: {AWS: [\"arn:aws:iam::ACCOUNT:role/App\"]}`"),
        (
            "cloudtrail.amazonaws.com",
            "write `Principal: {Service: cloudtrail.amazonaws.com}`, or `\"*\"` for everyone",
        ),
        ("[cloudtrail.amazonaws.com]", "write `Principal: {Service: [cloudtrail.amazonaws.com]}`"),
        ("{AWS: cloudtrail.amazonaws.com}", "write `Service: cloudtrail.amazonaws.com`"),
        ("'111122223333'", "write `Principal: {AWS: \"111122223333\"}`, or `\"*\"` for everyone"),
        ("someone", "write `Principal: {AWS: …}`, or `\"*\"` for everyone"),
    ] {
        let statement = format!(
            "{{Sid: A, Effect: Allow, Principal: {principal}, Action: \"kms:Decrypt\", Resource: \"*\"}}"
        );
        let found =
            one(&format!("stack: s\nkeys: {{a: {{policy: {{statements: [{statement}]}}}}}}\n"));
        assert!(found.contains(&format!("; {help}\n")), "{principal}: {found}");
    }
    let text = "stack: s\nkeys: {a: {policy: {statements: [{Sid: A, Effect: Allow, Principal: {AWS: role/App}, Action: \"kms:Decrypt\", Resource: \"*\"}]}}}\n";
    assert_eq!(one(text), "");
}

#[test]
fn a_credential_of_the_run_is_no_master_password() {
    for (variable, is_taken) in [
        ("AWS_SECRET_ACCESS_KEY", false),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", false),
        ("GITHUB_TOKEN", false),
        ("ORDERS_PASSWORD", true),
        ("MY_AWS_PASSWORD", true),
    ] {
        let text = format!(
            "stack: s\nkeys: {{k: {{}}}}\nrds:\n  instances:\n    orders: {{engine: mysql, instance_class: db.t4g.micro, \
             allocated_storage: 20, master_username: root, master_password: {{env: {variable}}}, key: k}}\n"
        );
        let (_, found, sources) = checked(&[("a.yaml", &text)], &[]);
        let report = found.render(&sources, false, None);
        assert_eq!(!report.contains("holds a credential of the run"), is_taken, "{report}");
    }
}
