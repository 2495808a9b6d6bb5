//! What a help writes for a field of another record, or with the name of another tool, is accepted.

use super::*;

/// Returns the field with its value that a help says to write in a record for an unknown field.
fn whole(help: &str) -> Option<&str> {
    let (_, rest) = help.split_once("rite `")?;
    let text = rest.split_once('`')?.0;
    text.contains(": ").then_some(text)
}

/// Returns whether an error is about a text that only the user knows, or a rule between the field and others.
fn of_the_user(message: &str) -> bool {
    let rules = [
        "`text` is ",
        "cannot read ",
        "only elastic file systems have Archive",
        "is not for `aurora-postgresql`",
        "of origin AWS_KMS",
        "of type gp3",
        "needs a storage type",
        "only a key that is taken over",
    ];
    rules.iter().any(|rule| message.contains(rule))
}

/// Every field is written in every record that does not have it. What the help says to write instead is accepted, with
/// all that it needs.
#[test]
fn a_field_that_belongs_elsewhere_leads_to_a_whole_example() {
    let mut all = Vec::new();
    paths(&schema(), &[], &mut all);
    let names: BTreeSet<String> = all
        .iter()
        .filter_map(|(path, _)| match path.last() {
            Some(Step::Field(name)) if name != "app" && name != "eu-central-1" => {
                Some(name.clone())
            }
            _ => None,
        })
        .collect();
    let frame = Frame::new();
    let step = |name: &str| Step::Field(name.to_owned());
    let mut records = vec![
        (Vec::new(), String::new()),
        (vec![step("keys"), step("app")], "multi_region: true".to_owned()),
    ];
    records.push((
        vec![step("keys"), step("app"), step("grants"), step("app")],
        "grantee: role/app, operations: [Decrypt]".to_owned(),
    ));
    for kind in ConsumerKind::ALL.iter().filter(|kind| !kind.is_single()) {
        let syntax = kind.reader().syntax;
        let path = vec![step(syntax.section.name), step(syntax.list.0), step("app")];
        records.push((path, syntax.example.trim_matches(['{', '}']).to_owned()));
    }
    let (mut bad, mut count) = (BTreeSet::new(), 0);
    for (path, own) in &records {
        let own = match path.is_empty() {
            true => "stack: s, region: eu-west-1, keys: {app: {multi_region: true}}",
            false => own.as_str(),
        };
        let own = data(&format!("{{{own}}}"));
        let with = |more: &str| {
            let mut all = own.as_object().unwrap().clone();
            all.extend(data(&format!("{{{more}}}")).as_object().unwrap().clone());
            Json::Object(all).to_string()
        };
        for name in &names {
            if own.get(name).is_some() {
                continue;
            }
            let wrong = data(&meant(&with(&format!("{name}: x")), MEANINGS[0]));
            let unknown = format!("unknown field `{name}`");
            let errors = at(&frame.with(path, &wrong), path);
            let Some(error) = errors.iter().find(|error| error.message == unknown) else {
                continue;
            };
            let Some(text) = whole(error.help.as_deref().unwrap_or_default()) else { continue };
            count += 1;
            let mut left = left(&frame, path, &Json::Null, &with(text));
            left.retain(|message| !of_the_user(message));
            if !left.is_empty() {
                bad.insert(format!("{path:?} {name}: {text}: {left:?}"));
            }
        }
    }
    assert!(count > 150, "{count}");
    assert!(
        bad.is_empty(),
        "{} of {count}\n{}",
        bad.len(),
        bad.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn what_was_found_stays_in_what_to_write() {
    for (text, help) in [
        (
            "keys: {app: {}}\nrotation: {period_days: 90}",
            "write `defaults: {rotation: {period_days: 90}}`",
        ),
        ("keys: {app: {rotation_period_in_days: 90}}", "Write `rotation: {period_days: 90}`"),
        (
            "keys: {app: {}, rotation_period_in_days: 90}",
            "Write `rotation: {period_days: 90}` under `app:`",
        ),
        ("keys: {app: {rotation: 90}}", "write `rotation: {period_days: 90}`"),
        (
            "default_tags: {a: b}",
            "did you mean `defaults`? Write `defaults: {tags: {team: payments}}`.",
        ),
        ("regions: [eu-west-1]", "write `region: REGION`, the stack's"),
        (
            "keys: {app: {bypass_policy_lockout_safety_check: true}}",
            "did you mean `policy`? Write `policy: {allow_lockout: TEXT}`.",
        ),
        (
            "keys: {app: {enable_default_policy: false}}",
            "Write `policy: {delegate_to_iam: false}`.",
        ),
        (
            "keys: {app: {grants: {g: {grantee: role/x, operations: [Decrypt], retire_on_delete: true}}}}",
            "kmsctl revokes",
        ),
        ("keys: {app: {Statement: []}}", "Write `policy: {statements: [{Sid: NAME, "),
        ("keys: {app: {aws_kms_alias: x}}", "did you mean `aliases`? Write `aliases: [NAME]`."),
        (
            "aws_kms_alias: {name: x}",
            "did you mean `keys`? Write `keys: {NAME: {aliases: [NAME]}}`.",
        ),
        (
            "aws_kms_grant: {}",
            "Write `keys: {NAME: {grants: {NAME: {grantee: role/NAME, operations: [Decrypt]}}}}`.",
        ),
        ("keys: {app: {removal_policy: x}}", "did you mean `protect`?"),
        ("keys: {app: {key_owners: [x]}}", "Write `policy: {administrators: [role/NAME]}`."),
        (
            "keys: {app: {computed_aliases: [x]}}",
            "did you mean `aliases`? Write `aliases: [NAME]`.",
        ),
        ("profile: x", "`--profile` names the profile"),
        ("backend: {}", "`--state` says where the state is"),
        ("app: {aliases: [x]}", "indent `app` under `keys:`"),
        ("keys: {a: {}}\napp: {aliases: [x]}", "indent `app` under `keys:`"),
        ("lint: {disable: [KMS102]}", "did you mean `waivers`? Write `waivers: [{rule: KMS102, "),
        (
            "keys: {a: {}}\naccept_use: [{key: key/a, reason: a reason of mine}]",
            "did you mean `address`?",
        ),
        ("sns: {}", "a statement in the key's `policy: {statements: [...]}`"),
        ("secretsmanager: {}", "kmsctl has no section for this service"),
        ("keys: {a: {policy: p.json}}", "write `policy: {document: p.json}`"),
        ("keys: {a: {policy: 'file://p.json'}}", "write `policy: {document: p.json}`"),
        (
            "keys: {a: {policy: '{\"Version\": \"2012-10-17\"}'}}",
            "the text itself below `document: |`",
        ),
        (
            "keys: {a: {policy: {document: 'file://p.json'}}}",
            "write the path alone: `document: p.json`",
        ),
        (
            "keys: {a: {policy: {document: '${file(\"p.json\")}'}}}",
            "write the path alone: `document: p.json`",
        ),
    ] {
        expect(text, help);
    }
    let found = told("stack: s\nkeys: {a: {policy: [{Effect: Allow}]}}\n");
    assert!(found.contains("write `policy: {statements: [{Sid: NAME, Effect: Allow, "), "{found}");
}

#[test]
fn a_word_of_a_mode_leads_to_that_mode() {
    let table = |billing: &str| {
        format!(
            "keys: {{app: {{}}}}\ndynamodb: {{tables: {{abc: {{partition_key: {{name: id, type: S}}, {billing}, key: app}}}}}}"
        )
    };
    let provisioned = "`billing: {mode: provisioned, read_capacity: 5, write_capacity: 5}`";
    let on_demand = "`billing: {mode: pay_per_request}`";
    for (found, help) in [
        ("billing: provisioned", format!("write {provisioned}")),
        ("billing: PROVISIONED", format!("write {provisioned}")),
        ("billing: pay-per-request", format!("write {on_demand}")),
        ("billing: on_demand", format!("write {on_demand}, or {provisioned}")),
        (
            "read_capacity: 7",
            "write `billing: {mode: provisioned, read_capacity: 7, write_capacity: 5}`".to_owned(),
        ),
    ] {
        let found = told(&format!("stack: s\nregion: eu-west-1\n{}\n", table(found)));
        assert!(found.ends_with(&help), "{found}");
    }
}
