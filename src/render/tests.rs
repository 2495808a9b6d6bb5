//! Tests of the four output forms on handwritten plans.

use super::samples::{ARN, creation, empty, home, key_spec, policy, step, update};
use super::{Caller, Style, commands, human, json, markdown};
use crate::kind::address::Address;
use crate::kind::{self, Call, Change, ConsumerKind, KeyRef, Kind, Spec, alias};
use crate::plan::{Drift, Drifts, FieldChange, Finding, Happened, PlannedCall, TakenOver};
use crate::policy::access::Direction;
use crate::policy::lint::Severity;
use serde_json::json;

#[test]
fn what_is_taken_over_is_one_line_for_each_key() {
    let of = |aliases: &[&str], tags: &[&str]| {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        TakenOver { aliases: set(aliases), tags: set(tags) }
    };
    let key = |name: &str| Address::new(Kind::Key, name);
    let mut plan = empty();
    plan.taken_with.insert(key("a"), of(&["alias/x"], &["team"]));
    plan.taken_with.insert(key("b"), of(&["alias/y", "alias/z"], &[]));
    plan.taken_with.insert(key("c"), of(&[], &["cost\u{1b}[2J", "team"]));
    plan.let_go.insert(key("d"), ["old".to_owned(), "x\u{1b}[2J".to_owned()].into());
    let style = Style::default();
    let text = human::plan(&plan, &Caller::default(), &style);
    for line in [
        "Let go with key/d, kept in AWS: the tags old, x\\u{1b}[2J.\n",
        "Taken over with key/a: alias/x, the tag team.\n",
        "Taken over with key/b: alias/y, alias/z.\n",
        "Taken over with key/c: the tags cost\\u{1b}[2J, team.\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
        let markdown = markdown::plan(&plan, &Caller::default());
        assert!(markdown.contains(line.split(':').next().unwrap()), "{markdown}");
    }
    let json = json::plan(&plan);
    assert_eq!(json["taken_with"]["key/a"]["aliases"][0], "alias/x");
    for n in 0..20 {
        plan.taken_with.insert(key(&format!("k{n}")), of(&["alias/x"], &[]));
    }
    let text = human::plan(&plan, &Caller::default(), &style);
    assert!(text.contains("Taken over with 23 keys: 23 aliases and 3 tags (--verbose"), "{text}");
    let style = Style { verbose: true, ..style };
    assert!(human::plan(&plan, &Caller::default(), &style).contains("Taken over with key/k19: "));
}

#[test]
fn a_creation_is_rendered_as_text() {
    insta::assert_snapshot!(human::plan(&creation("Storage"), &Caller::default(), &Style::default()), @r#"
    Stack prod in account 111122223333, eu-west-1

    + key/storage  create  (not in AWS yet)
        multi_region: true
        description: "Storage"
        tags.team: "it's"
        deletion_window_days: 30
        + account 111122223333: delegated to its IAM policies (statement "Root")
        policy: AWS's default (the account's IAM policies decide)
        calls: CreateKey, EnableKeyRotation

    + alias/app  create  (not in AWS yet)
        name: "alias/app"
        target: "key/storage"
        calls: CreateAlias

    + grant/storage/batch  create  (not in AWS yet)
        key: "key/storage"
        grantee: "arn:aws:iam::444455556666:role/Batch"
        operations: ["Decrypt"]
        calls: CreateGrant

    Plan: 3 to create, 0 to update, 0 to delete; 4 calls.
    "#);
}

#[test]
fn an_update_is_rendered_as_text() {
    insta::assert_snapshot!(human::plan(&update("note"), &Caller::default(), &Style::default()), @r#"
    Stack prod in account 111122223333, eu-west-1

    Changed outside kmsctl since the last apply:
      key/storage
        description: unset -> "note"

    ~ key/storage  update  (differs)
        tags.team: "note" -> unset
        + role/App gains decrypt; no IAM policy is needed (statement "App")
        policy:
          @@ -2,6 +2,15 @@ "App"
             "Version": "2012-10-17",
             "Statement": [
               {
          +      "Sid": "App",
          +      "Effect": "Allow",
          +      "Principal": {
          +        "AWS": "arn:aws:iam::111122223333:role/App"
          +      },
          +      "Action": "kms:Decrypt",
          +      "Resource": "*"
          +    },
          +    {
                 "Sid": "Root",
                 "Effect": "Allow",
                 "Principal": {
        calls: PutKeyPolicy, UntagResource
        ! note

    Findings:
      warning[wide] key/storage: note

    ! key/old  blocked
        the key is protected note
        help: set `protect: false`, apply, and then remove the key from the
          configuration

    Plan: 0 to create, 1 to update, 0 to delete; 1 blocked; 2 calls.
    "#);
}

#[test]
fn an_update_is_rendered_as_markdown() {
    insta::assert_snapshot!(markdown::plan(&update("a|b @me"), &Caller::default()), @r#"
    <!-- kmsctl:plan:prod -->
    ## prod&#58; 111122223333, eu-west-1

    **Plan&#58; 0 to create, 1 to update, 0 to delete; 1 blocked; 2 calls.**

    ### Blocked

    - <code>key/old</code>: the key is protected a&#124;b &#64;&#8203;me
      Help: set <code>protect&#58; false</code>, apply, and then remove the key from the configuration

    ### Deletions and risks

    - update <code>key/storage</code>: **a&#124;b &#64;&#8203;me**

    ### Access

    - <code>key/storage</code>
      - <code>+ role/App gains decrypt; no IAM policy is needed (statement &#34;App&#34;)</code>

    ### Changed outside kmsctl since the last apply

    - <code>key/storage</code>
      - <code>description&#58; unset -&#62; &#34;a&#124;b &#64;&#8203;me&#34;</code>

    <details><summary><code>&#126;</code> <code>key/storage</code> update (differs)</summary>

    | Field | Before | After |
    | --- | --- | --- |
    | <code>tags.team</code> | <code>&#34;a&#124;b &#64;&#8203;me&#34;</code> | <code>unset</code> |

    ```diff
    @@ -2,6 +2,15 @@ "App"
       "Version": "2012-10-17",
       "Statement": [
         {
    +      "Sid": "App",
    +      "Effect": "Allow",
    +      "Principal": {
    +        "AWS": "arn:aws:iam::111122223333:role/App"
    +      },
    +      "Action": "kms:Decrypt",
    +      "Resource": "*"
    +    },
    +    {
           "Sid": "Root",
           "Effect": "Allow",
           "Principal": {
    ```

    Calls: <code>PutKeyPolicy, UntagResource</code>

    </details>

    ### Findings

    - <code>warning&#91;wide&#93;</code> key/storage&#58; a&#124;b &#64;&#8203;me
    "#);
}

#[test]
fn a_creation_is_rendered_as_commands() {
    insta::assert_snapshot!(commands::plan(&creation("file:///etc/passwd")), @r####"
    KEY_STORAGE=$(aws kms create-key --region eu-west-1 --multi-region --policy '{"Version":"2012-10-17","Statement":[{"Sid":"Root","Effect":"Allow","Action":"kms:*","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Resource":"*"}]}' --bypass-policy-lockout-safety-check --tags '[{"TagKey":"team","TagValue":"it'\''s"}]' --cli-input-json '{"Description":"file:///etc/passwd"}' --query KeyMetadata.Arn --output text)
    aws kms enable-key-rotation --region eu-west-1 --key-id "$KEY_STORAGE" --rotation-period-in-days 365
    aws kms create-alias --region eu-west-1 --alias-name alias/app --target-key-id "$KEY_STORAGE"
    aws kms create-grant --region eu-west-1 --key-id "$KEY_STORAGE" --name kmsctl:prod:storage/batch:0 --grantee-principal arn:aws:iam::444455556666:role/Batch --operations '["Decrypt"]'
    "####);
    insta::assert_snapshot!(commands::plan(&update("x")), @r####"
    aws kms put-key-policy --region eu-west-1 --key-id arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --policy-name default --policy '{"Version":"2012-10-17","Statement":[{"Sid":"Root","Effect":"Allow","Action":"kms:*","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Resource":"*"},{"Sid":"App","Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Principal":{"AWS":"arn:aws:iam::111122223333:role/App"}}]}'
    aws kms untag-resource --region eu-west-1 --key-id arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab --tag-keys '["team"]'
    "####);
}

#[test]
fn an_update_is_rendered_as_json() {
    let mut value = json::plan(&update("note"));
    value["changes"][0]["fields"] = json!([]);
    value["changes"][0]["calls"][0]["parameters"]["Policy"] = json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
    {
      "format_version": "1",
      "stack": "prod",
      "account": "111122223333",
      "region": "eu-west-1",
      "changes": [
        {
          "address": "key/storage",
          "kind": "key",
          "action": "update",
          "fields": [],
          "calls": [
            {
              "service": "kms",
              "operation": "PutKeyPolicy",
              "region": "eu-west-1",
              "account": "111122223333",
              "parameters": {
                "KeyId": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                "PolicyName": "default",
                "Policy": "…"
              }
            },
            {
              "service": "kms",
              "operation": "UntagResource",
              "region": "eu-west-1",
              "account": "111122223333",
              "parameters": {
                "KeyId": "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
                "TagKeys": [
                  "team"
                ]
              }
            }
          ],
          "after": [],
          "reason": "differs",
          "risk": "note"
        }
      ],
      "blocked": [
        {
          "address": "key/old",
          "field": "",
          "reason": "the key is protected note",
          "help": "set `protect: false`, apply, and then remove the key from the configuration"
        }
      ],
      "drift": [
        {
          "address": "key/storage",
          "happened": "changed",
          "fields": [
            {
              "path": "description",
              "before": null,
              "after": "note"
            }
          ]
        }
      ],
      "access": [
        {
          "key": "key/storage",
          "effect": "gained",
          "principal": "arn:aws:iam::111122223333:role/App",
          "actions": [
            "kms:Decrypt"
          ],
          "condition": null,
          "kind": "gains",
          "certainty": "certain",
          "capabilities": [
            "decrypt"
          ],
          "from": "delegated",
          "to": "allowed",
          "delegated": false,
          "public": false,
          "confused_deputy": false,
          "statements": [
            "App"
          ],
          "via": "policy",
          "source": "key/storage"
        }
      ],
      "findings": [
        {
          "severity": "warning",
          "rule": "wide",
          "address": "key/storage",
          "message": "note"
        }
      ],
      "unchecked": [],
      "found": {},
      "same_access": [],
      "gates": {},
      "summary": {
        "create": 0,
        "update": 1,
        "delete": 0,
        "import": 0,
        "forget": 0,
        "blocked": 1
      }
    }
    "#);
}

#[test]
fn an_empty_plan_is_rendered() {
    assert_eq!(
        human::plan(&empty(), &Caller::default(), &Style::default()),
        "Stack prod in account 111122223333, eu-west-1\n\nNo changes. AWS matches the configuration.\n"
    );
    let caller = Caller {
        arn: Some("arn:aws:iam::111122223333:user/me".to_owned()),
        alias: Some("acme".to_owned()),
    };
    let text = human::plan(&empty(), &caller, &Style { width: 160, ..Style::default() });
    let place = "Stack prod in account 111122223333 (acme), eu-west-1, as arn:aws:iam::111122223333:user/me\n";
    assert!(text.starts_with(place), "{text}");
    let mut plan = creation("x");
    plan.steps.truncate(1);
    assert_eq!(
        human::question(&plan, &caller),
        "Apply 1 change in account 111122223333 (acme), eu-west-1? Only `yes` does:"
    );
    plan.steps[0].risk = Some("a risk".to_owned());
    let from = Spec::Key(key_spec("x", policy(&[]), None));
    let gone = step(Address::new(Kind::Key, "gone"), Change::Delete { from }, Some(ARN), vec![]);
    plan.steps.push(gone);
    plan.steps[1].place.region = "us-east-1".parse().unwrap();
    assert_eq!(
        human::question(&plan, &caller),
        "Apply 2 changes (1 deletion, 1 other risk) in account 111122223333 (acme), eu-west-1 and us-east-1? \
         Only `yes` does:"
    );
}

#[test]
fn steps_that_are_alike_are_written_once_and_destructive_ones_first() {
    let mut plan = creation("x");
    let named = |name: &str| Address::new(Kind::Key, name);
    let first = plan.steps[0].clone();
    for name in ["b", "c"] {
        plan.steps.push(crate::plan::Step { address: named(name), ..first.clone() });
    }
    let from = Spec::Key(key_spec("x", policy(&[]), None));
    plan.steps.push(step(named("gone"), Change::Delete { from }, Some(ARN), vec![]));
    let text = human::plan(&plan, &Caller::default(), &Style::default());
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("- key/gone  delete") < at("+ key/b, key/c: create (not in AWS yet)"));
    assert_eq!(text.matches("tags.team").count(), 2, "{text}");
}

#[test]
fn a_deletion_shows_its_waiting_period() {
    let mut plan = update("x");
    plan.steps = vec![deleted_key("gone", None)];
    let text = human::plan(&plan, &Caller::default(), &Style { width: 200, ..Style::default() });
    let risk = "! schedules the deletion of the key in 30 days; from now on the key cannot decrypt anything\n";
    assert!(text.contains(risk), "{text}");
    assert_eq!(text.matches("30 days").count(), 1, "{text}");
    assert!(commands::plan(&plan).contains("--pending-window-in-days 30"));
    // Not every key encrypts.
    for (usage, lost) in [
        ("SIGN_VERIFY", "the key cannot sign anything"),
        ("GENERATE_VERIFY_MAC", "the key can neither generate nor verify MACs"),
    ] {
        let risk = deleted_key("gone", Some(usage)).risk.unwrap();
        assert!(risk.ends_with(lost), "{risk}");
    }
}

/// Returns the step that deletes a key, with the calls and the risk of its kind.
fn deleted_key(name: &str, usage: Option<&str>) -> crate::plan::Step {
    let mut spec = key_spec("x", policy(&[]), None);
    spec.usage = usage.map(str::to_owned);
    deletion(Address::new(Kind::Key, name), Spec::Key(spec), ARN)
}

/// Returns the step that deletes a resource, with the calls and the risk of its kind.
fn deletion(address: Address, from: Spec, id: &str) -> crate::plan::Step {
    let change = Change::Delete { from };
    let (stack, place, keys) = ("prod".parse().unwrap(), home(), kind::KeyFacts::new());
    let setting = kind::Setting {
        stack: &stack,
        place: &place,
        keys: &keys,
        id: Some(id),
        name: &address.name,
        caller: None,
    };
    let calls = kind::calls(&change, &setting).unwrap();
    let planned = |all: Vec<(crate::id::Place, Call)>| {
        all.into_iter().map(|(at, call)| PlannedCall { at, call }).collect()
    };
    let mut step = step(address.clone(), change, Some(id), vec![]);
    (step.calls, step.last) = (planned(calls.first), planned(calls.last));
    (step.risk, step.reason) = (calls.risk, "no longer declared".to_owned());
    step
}

fn deleted_alias(name: &str, key: &str) -> crate::plan::Step {
    let target = KeyRef::Managed(Address::new(Kind::Key, key));
    let spec = alias::Spec { name: format!("alias/{name}").parse().unwrap(), target };
    deletion(Address::new(Kind::Alias, name), Spec::Alias(spec), &format!("alias/{name}"))
}

#[test]
fn deletions_name_what_is_deleted_and_what_fails() {
    let mut plan = update("x");
    let of = |count: usize| {
        let aliases = (0..count).map(|n| deleted_alias(&format!("a{n}"), &format!("k{n}")));
        let keys = (0..count).map(|n| {
            let mut step = deleted_key(&format!("k{n}"), None);
            step.id = Some(ARN.replace("1234abcd", &format!("1234abc{n}")));
            step
        });
        aliases.chain(keys).collect::<Vec<_>>()
    };
    let text = |plan: &crate::plan::Plan| {
        human::plan(plan, &Caller::default(), &Style { width: 500, ..Style::default() })
    };
    plan.steps = of(1);
    let one = text(&plan);
    let arn = ARN.replace("1234abcd", "1234abc0");
    for said in [
        "- alias/a0  delete  (no longer declared)\n    name: \"alias/a0\"\n    target: \"key/k0\"\n",
        "    calls: DeleteAlias\n    ! requests that name the alias fail\n",
        &format!("- key/k0  delete  (no longer declared)\n    arn: {arn}\n"),
    ] {
        assert!(one.contains(said), "{said}: {one}");
    }
    let comment = markdown::plan(&plan, &Caller::default());
    let row = format!("| <code>arn</code> | <code>{}</code> |", arn.replace(':', "&#58;"));
    assert!(comment.contains(&row), "{comment}");
    plan.steps = of(4);
    let many = text(&plan);
    let id = |n: usize| format!("key/k{n} (1234abc{n}-12ab-34cd-56ef-1234567890ab)");
    let keys: Vec<String> = (0..4).map(id).collect();
    for said in [
        "- alias/a0 of key/k0, alias/a1 of key/k1, alias/a2 of key/k2, alias/a3 of key/k3: delete",
        &format!("- {}: delete", keys.join(", ")),
    ] {
        assert!(many.contains(said), "{said}: {many}");
    }
    let comment = markdown::plan(&plan, &Caller::default());
    let listed = |kind: &str| {
        let name = |n: usize| format!("<code>{kind}{n}</code>");
        (0..4).map(name).collect::<Vec<_>>().join(", ")
    };
    let at = |said: &str| comment.find(said).unwrap_or_else(|| panic!("{said}: {comment}"));
    // The keys come before the aliases, and the action is said once.
    let (keys, aliases) = (format!("- delete {}: **", listed("key/k")), listed("alias/a"));
    assert!(at(&keys) < at(&format!("- delete {aliases}: **requests")), "{comment}");
    for said in [
        "<code>alias/a3</code> of <code>key/k3</code>",
        "<code>key/k3</code> <code>1234abc3-12ab-34cd-56ef-1234567890ab</code>",
    ] {
        assert!(comment.contains(said), "{said}: {comment}");
    }
}

#[test]
fn a_comment_names_the_caller_and_errors_come_before_the_changes() {
    let mut plan = update("x");
    plan.blocked = vec![crate::plan::Blocked {
        address: Address::new(Kind::Key, "gone"),
        field: String::new(),
        reason: "the key is protected".to_owned(),
        help: "write `protect: false`, and a lone ` is a character".to_owned(),
    }];
    let finding = |severity, rule: &str| Finding {
        severity,
        rule: rule.to_owned(),
        address: Address::new(Kind::Key, "gone"),
        message: "see `kmsctl explain`".to_owned(),
    };
    plan.findings = vec![finding(Severity::Warning, "KMS601"), finding(Severity::Error, "KMS301")];
    let arn = Some("arn:aws:iam::111122223333:role/ci".to_owned());
    let text = markdown::plan(&plan, &Caller { arn, alias: None });
    let caller = "As <code>arn&#58;aws&#58;iam&#58;&#58;111122223333&#58;role/ci</code>\n";
    let help = "Help: write <code>protect&#58; false</code>, and a lone &#96; is a character\n";
    for said in [caller, help, "see <code>kmsctl explain</code>"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let at = |said: &str| text.find(said).unwrap_or_else(|| panic!("{said}: {text}"));
    assert!(at("KMS301") < at("<details>") && at("<details>") < at("KMS601"), "{text}");
}

#[test]
fn a_comment_stays_within_the_limit() {
    let mut plan = creation("x");
    let step = plan.steps[0].clone();
    // No two of them are alike.
    plan.steps.extend((0..200).map(|n| {
        let mut step = step.clone();
        step.reason = format!("reason {n} {}", "x".repeat(400));
        step
    }));
    let text = markdown::plan(&plan, &Caller::default());
    assert!(text.chars().count() <= 60_000 && text.contains("are left out"));
    let names =
        ["key&#47;storage</code>", "key/storage</code>"].map(|name| text.matches(name).count());
    assert!(names.iter().sum::<usize>() >= 200);
}

/// The sentences about access matter more than the names of the keys that they are about.
#[test]
fn a_long_comment_keeps_what_access_changes() {
    let mut plan = update("x");
    let step = plan.steps[0].clone();
    let of_key: Vec<_> =
        plan.access.iter().filter(|one| one.key == "key/storage").cloned().collect();
    let sentence = |text: &str| text.matches("gain").count();
    let one = sentence(&markdown::plan(&plan, &Caller::default()));
    assert!(one > 0);
    for number in 0..500 {
        let address = Address::new(Kind::Key, format!("service-with-a-long-name-{number}"));
        plan.access.extend(of_key.iter().cloned().map(|mut access| {
            access.key = address.to_string();
            access.source = address.clone();
            access
        }));
        let mut more = step.clone();
        more.address = address;
        plan.steps.push(more);
    }
    let text = markdown::plan(&plan, &Caller::default());
    assert!(text.contains("too long") && text.chars().count() <= 60_000);
    assert!(sentence(&text) >= one && !text.contains(": left out"), "{}", sentence(&text));
    assert!((0..500).all(|number| text.contains(&format!("long-name-{number}"))));
}

#[test]
fn unknown_access_is_not_shown_as_no_access() {
    let style = Style { color: false, verbose: false, width: 80 };
    let table = |holders| super::holders::table(holders, None, "111122223333", &style);
    assert!(table(Some(&[])).starts_with("No principal has access"));
    assert!(table(None).starts_with("The principals with access to the key could not be listed"));
}

#[test]
fn the_hunks_of_a_diff_name_their_statements() {
    let document = |names: &[&str], more: &str| {
        let statement = |name: &&str| {
            format!(
                r#"{{{}"Effect":"Allow","Principal":{{"AWS":"111122223333"}},"Action":["kms:Sign","kms:Verify","kms:GetPublicKey","kms:DescribeKey"{more}],"Resource":"*"}}"#,
                if name.is_empty() { String::new() } else { format!("\"Sid\":\"{name}\",") }
            )
        };
        let all: Vec<String> = names.iter().map(statement).collect();
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, all.join(","));
        crate::policy::Document::from_live(&text, "aws").unwrap()
    };
    let heads = |before, after| -> Vec<String> {
        let lines = super::words::diff(Some(before), Some(after));
        lines.into_iter().filter(|line| line.starts_with("@@")).collect()
    };
    let (old, new) = (document(&["a", "b"], ""), document(&["a", "b"], ",\"kms:TagResource\""));
    let found = heads(&old, &new);
    assert!(found.len() == 2 && found[0].ends_with("@@ \"a\""), "{found:?}");
    assert!(found[1].ends_with("@@ \"b\""), "{found:?}");
    let found = heads(&document(&[""], ""), &document(&[""], ",\"kms:TagResource\""));
    assert!(found.len() == 1 && found[0].ends_with("@@ #1"), "{found:?}");
}

#[test]
fn awss_default_policy_is_said_as_that() {
    let mut plan = update("note");
    let (step, policy) = (&mut plan.steps[0], crate::policy::aws_default("aws", "111122223333"));
    let Change::Update { to, from } = step.change.clone() else { panic!("an update") };
    let set = |spec: &Spec, policy: Option<&crate::policy::Document>| {
        let mut spec = spec.clone();
        let Spec::Key(key) = &mut spec else { panic!("a key") };
        key.policy = policy.cloned();
        spec
    };
    let said = "policy: AWS's default (the account's IAM policies decide)";
    let told = |plan: &crate::plan::Plan| {
        human::plan(plan, &Caller::default(), &Style { width: 200, ..Style::default() })
    };
    assert!(!told(&plan).contains(said));
    plan.steps[0].change = Change::Update { from: from.clone(), to: set(&to, Some(&policy)) };
    assert!(told(&plan).contains(said), "{}", told(&plan));
    assert!(markdown::plan(&plan, &Caller::default()).contains("Policy: AWS"));
    // A key that is created without a policy gets AWS's default policy.
    for policy in [None, Some(&policy)] {
        plan.steps[0].change = Change::Create { to: set(&to, policy) };
        assert!(told(&plan).contains(said), "{}", told(&plan));
    }
}

#[test]
fn the_stacks_part_of_a_policy_is_not_shown_as_json() {
    let mut plan = update("note");
    for path in ["shared.prefix", "shared.statements"] {
        let field = FieldChange {
            path: path.to_owned(),
            before: json!(null),
            after: json!("{\"Sid\":\"x\"}"),
        };
        plan.steps[0].fields.push(field);
    }
    assert!(!human::plan(&plan, &Caller::default(), &Style::default()).contains("shared."));
    assert!(
        !markdown::plan(&plan, &Caller::default()).contains("shared&#46;")
            && !markdown::plan(&plan, &Caller::default()).contains("shared.")
    );
}

#[test]
fn what_somebody_may_depend_on_stands_out_in_a_drift_report() {
    let drift = |kind, name: &str, happened, fields: &[(&str, serde_json::Value)]| Drift {
        address: Address::new(kind, name),
        happened,
        fields: fields
            .iter()
            .map(|(path, after)| FieldChange {
                path: (*path).to_owned(),
                before: json!("x"),
                after: after.clone(),
            })
            .collect(),
        ignored: None,
    };
    let mut plan = empty();
    plan.drift = vec![
        drift(
            Kind::Key,
            "a",
            Happened::Changed,
            &[("deletion", json!("2027-01-31")), ("enabled", json!(false))],
        ),
        drift(Kind::Key, "b", Happened::Deleted, &[("description", json!(null))]),
        drift(
            Kind::Consumer(ConsumerKind::EbsVolume),
            "data",
            Happened::Deleted,
            &[("size_gib", json!(null))],
        ),
        drift(Kind::Grant, "a/job", Happened::Deleted, &[("grantee", json!(null))]),
    ];
    let text = human::plan(&plan, &Caller::default(), &Style::default());
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for line in [
        "! pending deletion on 2027-01-31: nobody can use the key",
        "! disabled: nobody can use the key",
        "! does not exist: what it encrypted cannot be decrypted",
        "! does not exist",
        "! does not exist: revoked or retired, so its access has ended",
        "grantee: \"x\"",
    ] {
        assert!(lines.contains(&line), "{line}: {text}");
    }
    assert!(!text.contains("size_gib") && !text.contains("description"), "{text}");
    let comment = markdown::plan(&plan, &Caller::default());
    assert_eq!(comment.matches(": **").count(), 5, "{comment}");
}

/// The text is the only place that names what no longer works.
#[test]
fn a_drift_report_names_every_resource_and_what_a_key_was_for() {
    let volume = |n: usize| Address::new(Kind::Consumer(ConsumerKind::EbsVolume), format!("v{n}"));
    let finding = |n: usize| Finding {
        severity: Severity::Error,
        rule: "unusable".to_owned(),
        address: volume(n),
        message: "`key/a` is pending deletion".to_owned(),
    };
    let usage =
        FieldChange { path: "usage".to_owned(), before: json!("SIGN_VERIFY"), after: json!(null) };
    let drifts = Drifts {
        stack: "prod".parse().unwrap(),
        home: home(),
        recorded: 31,
        emptied: false,
        unrecorded: 0,
        drift: vec![Drift {
            address: Address::new(Kind::Key, "sign"),
            happened: Happened::Deleted,
            fields: vec![usage],
            ignored: None,
        }],
        unreadable: Vec::new(),
        same_access: std::collections::BTreeSet::new(),
        findings: (0..30).map(finding).collect(),
    };
    let text =
        human::drifts(&drifts, &Caller::default(), &Style { width: 900, ..Style::default() });
    assert!((0..30).all(|n| text.contains(&format!("ebs_volume/v{n}"))), "{text}");
    assert!(text.contains("! does not exist: the key cannot sign anything\n"), "{text}");
}

#[test]
fn public_access_is_among_the_risks_of_a_comment() {
    let mut plan = update("x");
    let sentence = |text: &str| text.matches("**PUBLIC").count();
    assert_eq!(sentence(&markdown::plan(&plan, &Caller::default())), 0);
    let gained = plan.access.iter_mut().find(|a| a.change.direction == Direction::Gained).unwrap();
    gained.change.public = true;
    let comment = markdown::plan(&plan, &Caller::default());
    let risks = comment.split("### Access").next().unwrap();
    assert_eq!(sentence(risks), 1, "{comment}");
}

/// Neither many blocked keys nor many harmless changes hide a stranger, public access or a deletion.
#[test]
fn what_is_dangerous_stays_in_a_comment_of_any_plan() {
    let mut plan = update("x");
    let step = plan.steps[0].clone();
    let gained = plan.access.iter().find(|a| a.change.direction == Direction::Gained).unwrap();
    let gained = gained.clone();
    for n in 0..3_000 {
        let address = Address::new(Kind::Key, format!("key-with-a-long-name-{n}"));
        plan.blocked.push(crate::plan::Blocked {
            address: address.clone(),
            field: String::new(),
            reason: "the role does not exist".to_owned(),
            help: String::new(),
        });
        let mut own = gained.clone();
        own.key = address.to_string();
        own.source = address.clone();
        own.change.condition = Some(format!("aws:PrincipalTag/t = {n}"));
        plan.access.push(own);
        plan.steps.push(crate::plan::Step { address, risk: None, ..step.clone() });
    }
    let mut stranger = gained.clone();
    stranger.change.principal = "arn:aws:iam::666666666666:root".to_owned();
    stranger.key = "key/zevil".to_owned();
    stranger.source = Address::new(Kind::Key, "zevil");
    let mut public = stranger.clone();
    public.change.public = true;
    public.key = "key/zpublic".to_owned();
    public.source = Address::new(Kind::Key, "zpublic");
    plan.access.extend([stranger, public]);
    let from = Spec::Key(key_spec("x", policy(&[]), None));
    plan.steps.push(step_of("zgone", Change::Delete { from }));
    let text = markdown::plan(&plan, &Caller::default());
    assert!(text.chars().count() <= 60_000);
    for part in ["key/zevil", "key/zpublic", "**PUBLIC", "delete <code>key/zgone"] {
        assert!(text.contains(part), "{part}: {}", &text[..3_000]);
    }
    // Both sentences, and the public one among the risks.
    assert_eq!(text.matches("666666666666").count(), 3, "{}", &text[..3_000]);
    assert!(text.contains("too long"));
}

fn step_of(name: &str, change: Change<Spec>) -> crate::plan::Step {
    step(Address::new(Kind::Key, name), change, Some(ARN), vec![])
}

#[test]
fn a_plan_of_targets_says_what_it_leaves_out() {
    let text = |plan: &crate::plan::Plan| {
        human::plan(plan, &Caller::default(), &Style { width: 160, ..Style::default() })
    };
    let mut plan = empty();
    plan.untargeted.insert(Address::new(Kind::Key, "two"));
    let none = "No changes of the targets. `--target` leaves out 1 change: key/two.\n";
    assert!(text(&plan).ends_with(none), "{}", text(&plan));
    let mut plan = creation("x");
    let all = plan.steps.len();
    plan.narrow(&["key/storage".to_owned()]);
    assert!(plan.steps.len() < all);
    let left = all - plan.steps.len();
    let said = format!("`--target` leaves out {left} change");
    assert!(text(&plan).contains(&said), "{}", text(&plan));
}
