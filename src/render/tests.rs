//! Tests of the four output forms on handwritten plans.

use super::samples::{ARN, creation, empty, key_spec, policy, step, update};
use super::{Caller, Style, commands, human, json, markdown};
use crate::kind::address::Address;
use crate::kind::{Change, Kind, Spec};
use crate::plan::{FieldChange, TakenOver};
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
        "Apply 1 change in account 111122223333 (acme), eu-west-1? Type `yes` to apply:"
    );
    plan.steps[0].risk = Some("a risk".to_owned());
    let from = Spec::Key(key_spec("x", policy(&[]), None));
    let gone = step(Address::new(Kind::Key, "gone"), Change::Delete { from }, Some(ARN), vec![]);
    plan.steps.push(gone);
    plan.steps[1].place.region = "us-east-1".parse().unwrap();
    assert_eq!(
        human::question(&plan, &caller),
        "Apply 2 changes (1 deletion, 1 other risk) in account 111122223333 (acme), eu-west-1 and us-east-1? \
         Type `yes` to apply:"
    );
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
