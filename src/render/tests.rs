//! What the four forms write, on plans made by hand.

use super::{Style, commands, human, json, markdown, workflow_safe};
use crate::address::Address;
use crate::id::Place;
use crate::kind::{Call, Change, KeyRef, Kind, Spec, alias, grant, key};
use crate::plan::{
    Access, Base, Blocked, Drift, FieldChange, Finding, Plan, PlannedCall, Step, Via, field,
};
use crate::policy::{Document, access_changes};
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn home() -> Place {
    Place {
        account: "111122223333".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
    }
}

fn policy(extra: &[(&str, &str)]) -> Document {
    let mut statements = vec![json!({"Sid": "Root", "Effect": "Allow", "Action": "kms:*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Resource": "*"})];
    for (sid, action) in extra {
        statements.push(
            json!({"Sid": sid, "Effect": "Allow", "Action": action, "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::111122223333:role/App"}}),
        );
    }
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Document::from_live(&text, "aws").unwrap()
}

fn key_spec(description: &str, policy: Document, team: Option<&str>) -> key::Spec {
    let tags = team.map(|team| ("team".to_owned(), team.to_owned()));
    key::Spec {
        spec: None,
        usage: None,
        origin: None,
        multi_region: Some(true),
        custom_key_store_id: None,
        xks_key_id: None,
        description: Some(description.to_owned()),
        enabled: None,
        rotation: None,
        policy: Some(policy),
        allow_lockout: None,
        tags: tags.into_iter().collect(),
        deletion_window_days: 30,
        deletion: None,
    }
}

fn step(address: Address, change: Change<Spec>, id: Option<&str>, calls: Vec<Call>) -> Step {
    let planned = |call| PlannedCall { at: home(), call };
    Step {
        address,
        place: home(),
        fields: field::changes(change.from(), change.to()),
        change,
        id: id.map(str::to_owned),
        protect: false,
        calls: calls.into_iter().map(planned).collect(),
        last: Vec::new(),
        after: BTreeSet::new(),
        reason: "declared, and not there".to_owned(),
        risk: None,
    }
}

fn empty() -> Plan {
    Plan {
        stack: "prod".parse().unwrap(),
        home: home(),
        base: Base {
            lineage: "x".to_owned(),
            serial: 1,
        },
        steps: Vec::new(),
        blocked: Vec::new(),
        drift: Vec::new(),
        access: Vec::new(),
        findings: Vec::new(),
        remember: BTreeMap::new(),
    }
}

fn creation(description: &str) -> Plan {
    let storage = Address::new(Kind::Key, "storage");
    let document = policy(&[]);
    let target = KeyRef::Managed(storage.clone());
    let create = key::Call::CreateKey {
        key_spec: None,
        key_usage: None,
        origin: None,
        multi_region: Some(true),
        custom_key_store_id: None,
        xks_key_id: None,
        description: Some(description.to_owned()),
        policy: Some(document.to_json()),
        bypass_policy_lockout_safety_check: true,
        tags: vec![key::Tag {
            tag_key: "team".to_owned(),
            tag_value: "it's".to_owned(),
        }],
    };
    let rotate = key::Call::EnableKeyRotation {
        rotation_period_in_days: 365,
    };
    let to = key_spec(description, document.clone(), Some("it's"));
    let alias_name: crate::id::AliasName = "app".parse().unwrap();
    let of_alias = alias::Spec {
        name: alias_name.clone(),
        target: target.clone(),
    };
    let grantee = "arn:aws:iam::444455556666:role/Batch".to_owned();
    let of_grant = grant::Spec {
        key: target.clone(),
        name_prefix: "kmsctl:prod:storage/batch:".to_owned(),
        grantee: grantee.clone(),
        retiring: None,
        operations: ["Decrypt".to_owned()].into(),
        constraints: None,
        issuer: None,
        superseded: BTreeSet::new(),
    };
    let create_alias = alias::Call::CreateAlias {
        alias_name,
        target_key_id: target.clone(),
    };
    let create_grant = grant::Call::CreateGrant {
        key_id: target,
        name: "kmsctl:prod:storage/batch:0".to_owned(),
        grantee_principal: grantee,
        retiring_principal: None,
        operations: ["Decrypt".to_owned()].into(),
        constraints: None,
    };
    let mut plan = empty();
    let access = access_changes(None, Some(&document))
        .into_iter()
        .map(|change| Access {
            key: "key/storage".to_owned(),
            change,
            via: Via::Policy,
            source: storage.clone(),
        });
    plan.access = access.collect();
    let create = vec![Call::Key(create), Call::Key(rotate)];
    plan.steps = vec![
        step(storage, Change::Create { to: Spec::Key(to) }, None, create),
        step(
            Address::new(Kind::Alias, "app"),
            Change::Create {
                to: Spec::Alias(of_alias),
            },
            None,
            vec![Call::Alias(create_alias)],
        ),
        step(
            Address::new(Kind::Grant, "storage/batch"),
            Change::Create {
                to: Spec::Grant(of_grant),
            },
            None,
            vec![Call::Grant(create_grant)],
        ),
    ];
    plan
}

fn update(text: &str) -> Plan {
    let storage = Address::new(Kind::Key, "storage");
    let (before, after) = (policy(&[]), policy(&[("App", "kms:Decrypt")]));
    let access = access_changes(Some(&before), Some(&after))
        .into_iter()
        .map(|change| Access {
            key: "key/storage".to_owned(),
            change,
            via: Via::Policy,
            source: storage.clone(),
        });
    let calls = vec![
        Call::Key(key::Call::PutKeyPolicy {
            policy_name: "default".to_owned(),
            policy: after.to_json(),
            bypass_policy_lockout_safety_check: false,
        }),
        Call::Key(key::Call::UntagResource {
            tag_keys: vec!["team".to_owned()],
        }),
    ];
    let change = Change::Update {
        from: Spec::Key(key_spec(text, before, Some(text))),
        to: Spec::Key(key_spec(text, after, None)),
    };
    let mut plan = empty();
    plan.access = access.collect();
    plan.steps = vec![step(storage.clone(), change, Some(ARN), calls)];
    plan.steps[0].reason = "differs".to_owned();
    plan.steps[0].risk = Some(text.to_owned());
    let field = FieldChange {
        path: "description".to_owned(),
        before: json!(null),
        after: json!(text),
    };
    plan.drift = vec![Drift {
        address: storage,
        fields: vec![field],
    }];
    plan.blocked = vec![Blocked {
        address: Address::new(Kind::Key, "old"),
        field: String::new(),
        reason: format!("the key is protected {text}"),
        help: "set `protect: false`, apply, and then take the key out of the configuration".into(),
    }];
    plan.findings = vec![Finding {
        rule: "wide".to_owned(),
        address: Address::new(Kind::Key, "storage"),
        message: text.to_owned(),
    }];
    plan
}

#[test]
fn a_creation_for_people() {
    insta::assert_snapshot!(human::plan(&creation("Storage"), &Style::default()), @r####"
    + key/storage  create  (declared, and not there)
        multi_region: true
        description: "Storage"
        tags.team: "it's"
        deletion_window_days: 30
        + account 111122223333 gains every action
        policy: 1 statement: Allow "Root"
        calls: CreateKey, EnableKeyRotation

    + alias/app  create  (declared, and not there)
        name: "alias/app"
        target: "key/storage"
        calls: CreateAlias

    + grant/storage/batch  create  (declared, and not there)
        key: "key/storage"
        name_prefix: "kmsctl:prod:storage/batch:"
        grantee: "arn:aws:iam::444455556666:role/Batch"
        operations: ["Decrypt"]
        calls: CreateGrant

    Plan: 3 to create, 0 to update, 0 to delete; 4 calls.
    "####);
}

#[test]
fn an_update_for_people() {
    insta::assert_snapshot!(human::plan(&update("note"), &Style::default()), @r####"
    Changed outside of kmsctl since the last apply:
      key/storage
        description: unset -> "note"

    ~ key/storage  update  (differs)
        tags.team: "note" -> unset
        + role/App gains Decrypt
        policy:
          @@ -2,6 +2,15 @@
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
      key/storage: note [wide]

    ! key/old  blocked
        the key is protected note
        help: set `protect: false`, apply, and then take the key out of the
          configuration

    Plan: 0 to create, 1 to update, 0 to delete; 1 blocked; 2 calls.
    "####);
}

#[test]
fn an_update_for_a_pull_request() {
    insta::assert_snapshot!(markdown::plan(&update("a|b @me")), @r####"
    <!-- kmsctl:plan:prod -->
    **Plan&#58; 0 to create, 1 to update, 0 to delete; 1 blocked; 2 calls.**

    ### Blocked

    - <code>key/old</code>: the key is protected a&#124;b &#64;&#8203;me
      Help: set &#96;protect&#58; false&#96;, apply, and then take the key out of the configuration

    ### Changed outside of kmsctl since the last apply

    - <code>key/storage</code>
      - <code>description&#58; unset -&#62; &#34;a&#124;b &#64;&#8203;me&#34;</code>

    <details><summary>&#126; <code>key/storage</code> update (differs)</summary>

    > **Risk:** a&#124;b &#64;&#8203;me

    | Field | Before | After |
    | --- | --- | --- |
    | <code>tags.team</code> | <code>&#34;a&#124;b &#64;&#8203;me&#34;</code> | <code>unset</code> |

    - + <code>role/App gains Decrypt</code>

    ```diff
    @@ -2,6 +2,15 @@
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

    - <code>key/storage</code> <code>wide</code>: a&#124;b &#64;&#8203;me
    "####);
}

#[test]
fn a_creation_as_commands() {
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
fn an_update_for_machines() {
    let mut value = json::plan(&update("note"));
    value["changes"][0]["fields"] = json!([]);
    value["changes"][0]["calls"][0]["parameters"]["Policy"] = json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r####"
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
          "help": "set `protect: false`, apply, and then take the key out of the configuration"
        }
      ],
      "drift": [
        {
          "address": "key/storage",
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
          "via": "policy",
          "source": "key/storage"
        }
      ],
      "findings": [
        {
          "rule": "wide",
          "address": "key/storage",
          "message": "note"
        }
      ],
      "summary": {
        "create": 0,
        "update": 1,
        "delete": 0,
        "import": 0,
        "forget": 0,
        "blocked": 1
      }
    }
    "####);
}

#[test]
fn nothing_to_do() {
    assert_eq!(
        human::plan(&empty(), &Style::default()),
        "No changes. AWS matches the configuration.\n"
    );
}

#[test]
fn a_deletion_says_when() {
    let mut plan = update("x");
    let from = Spec::Key(key_spec("x", policy(&[]), None));
    let call = key::Call::ScheduleKeyDeletion {
        pending_window_in_days: 30,
    };
    let mut gone = step(
        Address::new(Kind::Key, "gone"),
        Change::Delete { from },
        Some(ARN),
        vec![],
    );
    gone.last = vec![PlannedCall {
        at: home(),
        call: Call::Key(call),
    }];
    plan.steps = vec![gone];
    assert!(human::plan(&plan, &Style::default()).contains("schedules deletion in 30 days"));
    assert!(commands::plan(&plan).contains("--pending-window-in-days 30"));
}

#[test]
fn a_comment_stays_within_the_limit() {
    let mut plan = creation("x");
    let step = plan.steps[0].clone();
    plan.steps.extend(std::iter::repeat_n(step, 200));
    let text = markdown::plan(&plan);
    assert!(text.chars().count() <= 60_000 && text.contains("are left out"));
}

fn hostile() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "\u{1b}[2J",
        "</details>",
        "```",
        "|",
        "\n",
        "::error::x",
        "##[error]x",
        "@team",
        "'",
        " ",
        "\u{202e}",
        "\u{9b}",
        "$(id)",
        "`id`",
        "<img src=x>",
        "a",
        "[l](http://x)",
        "--x",
    ]);
    prop::collection::vec(parts, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn hostile_text_never_comes_out_raw(text in hostile(), width in 0_usize..100) {
        let style = Style { width, ..Style::default() };
        for plan in [creation(&text), update(&text)] {
            let (human, markdown) = (human::plan(&plan, &style), markdown::plan(&plan));
            let all = [&human, &markdown, &commands::plan(&plan), &json::text(&plan)];
            for out in all {
                prop_assert!(!out.chars().any(|c| c != '\n' && crate::text::is_unsafe(c)));
                prop_assert!(!out.lines().any(|line| line.trim_start().starts_with("::")));
            }
            prop_assert!(!human.contains("##[") && !markdown.contains("##["));
            for bad in ["@team", "<img", "](http", "`id`"] {
                prop_assert!(!markdown.contains(bad), "{bad} in {markdown}");
            }
            prop_assert_eq!(markdown.matches("</details>").count(), plan.steps.len());
            prop_assert_eq!(markdown.matches("```").count() % 2, 0);
        }
    }

    #[test]
    fn workflow_commands_are_neutralised(text in hostile()) {
        let safe = workflow_safe(&text);
        prop_assert!(!safe.lines().any(|line| line.trim_start().starts_with("::")));
        prop_assert!(!safe.contains("##["));
    }
}
