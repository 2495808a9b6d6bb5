//! The program's `access` command, gates, and principals that do not exist.

use crate::program::Stack;

const POLICY: &str =
    "policy: {administrators: [role/SecurityAdmin, role/Admin], users: [role/App]}";

#[test]
fn access_by_policy_and_by_grant_is_listed() {
    let text = format!(
        "stack: seen\nkeys:\n  a:\n    aliases: [seen]\n    {POLICY}\n    grants: {{batch: {{grantee: role/Batch, operations: [Decrypt]}}}}\n"
    );
    let stack = Stack::of_text(&text, "me-south-1");
    let missing = stack.expect(1, &["access", "a"]);
    assert!(missing.contains("the stack has no key `a` in AWS"), "{missing}");
    stack.expect(0, &["apply", "--auto-approve"]);
    let table = stack.expect(0, &["access", "a"]);
    for said in [
        "role/App",
        "encrypt, decrypt",
        "role/Batch",
        "(grant kmsctl:seen:a/batch:",
        "account 123456789012",
    ] {
        assert!(table.contains(said), "{said}: {table}");
    }
    let without_time = |text: &str| -> String {
        text.lines().filter(|line| !line.starts_with("Time")).collect::<Vec<_>>().join("\n")
    };
    let by_alias = stack.expect(0, &["access", "alias/seen"]);
    assert_eq!(without_time(&table), without_time(&by_alias));
    for said in [
        "Key      arn:aws:kms:me-south-1:123456789012:key/",
        "Caller   arn:aws:",
        "Policy   sha256:",
    ] {
        assert!(table.contains(said), "{said}: {table}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&stack.expect(0, &["access", "a", "--format", "json"])).unwrap();
    assert!(json["access"].as_array().unwrap().len() >= 4);
    assert_eq!((&json["account"], &json["region"]), (&"123456789012".into(), &"me-south-1".into()));
    assert_eq!(json["policy_sha256"].as_str().unwrap().len(), 64);
    let csv = stack.expect(0, &["access", "a", "--format", "csv"]);
    assert!(csv.starts_with("\"key\",\"account\",\"region\",\"time\""), "{csv}");
    assert_eq!(csv.lines().count(), json["access"].as_array().unwrap().len() + 1);

    let arn = |role: &str| format!("arn:aws:iam::123456789012:role/{role}");
    let decide = |role: &str, action: &str| {
        let args =
            ["access", "key/a", "--principal", &arn(role), "--action", action, "--format", "json"];
        let json: serde_json::Value = serde_json::from_str(&stack.expect(0, &args)).unwrap();
        json["decision"].as_str().unwrap().to_owned()
    };
    assert_eq!(decide("App", "kms:Decrypt"), "allowed");
    assert_eq!(decide("Batch", "kms:Decrypt"), "allowed");
    assert_eq!(decide("Batch", "kms:Encrypt"), "delegated");
    assert_eq!(decide("App", "kms:CreateKey"), "iam-only");
    let all = stack.expect(0, &["access", "a", "--principal", &arn("App")]);
    assert!(all.contains("allowed: ") && all.contains("delegated: "), "{all}");
    // The requests for some of the actions have the condition key.
    let given = ["--context", "kms:GrantIsForAWSResource=true"];
    let all = stack.expect(0, &[&["access", "a", "--principal", &arn("App")][..], &given].concat());
    assert!(!all.contains("does not count"), "{all}");
    // A short form is the same principal.
    let short = ["access", "a", "--principal", "role/App", "--action", "kms:Decrypt"];
    let short = stack.expect(0, &short);
    assert!(short.contains("role/App: kms:Decrypt is allowed"), "{short}");
    assert!(short.contains("allowed (statement \"Allow use of the key\")"), "{short}");
    stack.expect(64, &["access", "a", "--principal", "App", "--action", "kms:Decrypt"]);
    // Facts about a request count for the requests of one principal only.
    let facts = [
        ["--context", "kms:GrantIsForAWSResource=true"],
        ["--unknown-context", "kms:ViaService"],
        ["--role-arn", "role/App"],
        ["--principal-id", "AROAEXAMPLE"],
    ];
    for fact in facts {
        let refused =
            stack.expect(64, &[&["access", "a", "--action", "kms:Decrypt"][..], &fact].concat());
        assert!(refused.contains("--principal <PRINCIPAL>"), "{refused}");
    }
    stack.expect(64, &["access", "a", "--principal", &arn("App"), "--action", "kms:Decript"]);
    stack.expect(1, &["access", "alias/unseen"]);
}

#[test]
fn conditional_access_is_told_with_its_condition_and_never_as_denied() {
    let text = "stack: when\nkeys:\n  k:\n    policy: {administrators: [role/Admin, role/SecurityAdmin], delegate_to_iam: false, statements: [\
                {Sid: AllowTables, Effect: Allow, Principal: {AWS: role/Batch}, Action: [kms:Decrypt, kms:Encrypt], Resource: '*', Condition: {StringLike: {kms:ViaService: dynamodb.*.amazonaws.com}}},\
                {Sid: NotFromOutside, Effect: Deny, Principal: '*', Action: kms:ReEncryptTo, Resource: '*', Condition: {StringNotEquals: {aws:SourceVpce: vpce-1}}}]}\n    \
                grants: {ci: {grantee: role/App, operations: [Decrypt], constraints: {encryption_context_subset: {team: a}}}}\n";
    let stack = Stack::of_text(text, "me-south-1");
    stack.expect(0, &["apply", "--auto-approve"]);
    let all = stack.expect(0, &["access", "k", "--principal", "role/Batch"]);
    let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = "allowed when kms:ViaService like dynamodb.*.amazonaws.com: Decrypt, Encrypt (statement \"AllowTables\")";
    assert!(all.contains(line), "{all}");
    let denied = all.split("denied: ").nth(1).unwrap();
    assert!(!denied.contains("Decrypt"), "{all}");
    let one = |who: &str, action: &str| {
        stack.expect(0, &["access", "k", "--principal", who, "--action", action])
    };
    let web = one("role/Batch", "kms:Decrypt");
    assert!(web.contains("role/Batch: kms:Decrypt is conditional"), "{web}");
    let app = one("role/App", "kms:Decrypt");
    assert!(app.contains("allowed when encryption context contains team=a"), "{app}");
    assert!(app.contains("(grant kmsctl:when:k/ci:"), "{app}");
    // Who can do something is one question.
    let who = stack.expect(0, &["access", "k", "--action", "kms:Decrypt"]);
    for said in ["role/Batch", "role/App", "when kms:ViaService like dynamodb.*.amazonaws.com"] {
        assert!(who.contains(said), "{said}: {who}");
    }
    assert!(!who.contains("role/Admin"), "{who}");
    // Denied access has an exit code of its own.
    let ask = |args: &[&str], code| {
        stack.expect(code, &[&["access", "k", "--detailed-exitcode"], args].concat())
    };
    ask(&["--principal", "role/Batch", "--action", "kms:Decrypt"], 0);
    ask(&["--principal", "role/Batch", "--action", "kms:PutKeyPolicy"], 2);
    ask(&["--action", "kms:GetPublicKey"], 0);
    ask(&["--action", "kms:GenerateMac"], 2);
    let csv = ask(&["--principal", "role/Batch", "--action", "kms:Decrypt", "--format", "csv"], 0);
    assert!(
        csv.contains(
            "\"allowed\",\"kms:ViaService like dynamodb.*.amazonaws.com\",\"\",\"AllowTables\",\"\""
        ),
        "{csv}"
    );
}

#[test]
fn principals_with_a_statement_of_their_own_are_named_beside_everyone() {
    let open = "statements: [{Sid: Open, Effect: Allow, Principal: '*', Action: kms:Decrypt, Resource: '*'}]";
    let policy = POLICY.replace("users:", &format!("{open}, users:"));
    let text = format!("stack: open\nkeys: {{a: {{{policy}}}}}\n");
    let stack = Stack::of_text(&text, "me-south-1");
    stack.expect(0, &["apply", "--auto-approve"]);
    let table = stack.expect(0, &["access", "a", "--action", "kms:Decrypt"]);
    let (_, table) = table.split_once("\n\n").unwrap();
    insta::assert_snapshot!(table, @r#"
    PUBLIC: everyone
      kms:Decrypt; if IAM policies of its account allow it (statement "Open")
    role/App
      kms:Decrypt (statements "Allow use of the key", "Open")
    every AWS service
      kms:Decrypt; confused deputy: the statement does not limit the source resource (statement "Open")
    every identity of account 123456789012
      kms:Decrypt (statement "Open")
    the root user of account 123456789012
      kms:Decrypt (statements "Enable IAM User Permissions", "Open")
    "#);
}

#[test]
fn a_principal_that_does_not_exist_has_no_answer_that_looks_right() {
    let text = format!("stack: nope\nkeys: {{a: {{{POLICY}}}}}\n");
    let stack = Stack::of_text(&text, "me-south-1");
    stack.expect(0, &["apply", "--auto-approve"]);
    let ask = |who: &str, code: i32, more: &[&str]| {
        let args = ["access", "a", "--detailed-exitcode", "--principal", who];
        let said = stack.expect(code, &[&args[..], more].concat());
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let one = ["--action", "kms:Encrypt"];
    let said = ask("role/Nope", 2, &one);
    let missing = "role/Nope: kms:Encrypt would be delegated ! `arn:aws:iam::123456789012:role/Nope` does not exist, so \
                   nobody can make these requests";
    assert!(said.contains(missing), "{said}");
    assert!(ask("user/Nobody", 2, &[]).contains("user/Nobody` does not exist"));
    assert!(
        ask("role/path/App", 2, &[])
            .contains("its name belongs to `arn:aws:iam::123456789012:role/App`")
    );
    let session = "arn:aws:sts::123456789012:assumed-role/Nope/s";
    assert!(ask(session, 2, &[]).contains("role/Nope` does not exist"));
    let json = ask("role/Nope", 2, &[&one[..], &["--format", "json"]].concat());
    assert!(
        json.contains(r#""decision": "missing""#) && !json.contains(r#""decision": "delegated""#)
    );
    assert!(json.contains(r#""standing": { "status": "missing""#), "{json}");
    let csv = ask("role/Nope", 2, &[&one[..], &["--format", "csv"]].concat());
    assert!(csv.contains("\"standing\"") && csv.ends_with("\"missing\""), "{csv}");
    assert!(csv.contains("\"kms:Encrypt\",\"missing\",\"delegated\""), "{csv}");
    // What exists is answered as before, and what cannot be read is not known.
    let said = ask("role/App", 0, &one);
    assert!(said.contains("role/App: kms:Encrypt is allowed") && !said.contains("!"), "{said}");
    let said = ask("arn:aws:iam::999999999999:role/App", 2, &one);
    assert!(
        said.contains("could not be checked whether `arn:aws:iam::999999999999:role/App` exists"),
        "{said}"
    );
    assert!(!ask("arn:aws:iam::123456789012:root", 0, &one).contains("!"));
}

#[test]
fn a_missing_identity_blocks_the_plan() {
    let text = "stack: ghost\nkeys: {a: {policy: {users: [role/Ghost, user/Nobody]}}}\n";
    let stack = Stack::of_text(text, "me-south-1");
    let refused = stack.expect(3, &["plan"]);
    for who in ["role/Ghost` does not exist", "user/Nobody`"] {
        assert!(refused.contains(who), "{refused}");
    }
    stack.expect(3, &["apply", "--auto-approve"]);
    assert!(stack.run(&["state", "list"]).stdout.is_empty());
}

#[test]
fn a_gate_refuses_in_plan_and_in_lint_and_names_the_statement() {
    let text = format!(
        "stack: gated\naccount: \"123456789012\"\nkeys: {{a: {{{POLICY}, rotation: {{period_days: 365}}, aliases: [gated]}}}}\n\
         gates: {{forbidden: [{{principals: [role/App], actions: [kms:Decrypt]}}]}}\n"
    );
    let stack = Stack::of_text(&text, "me-south-1");
    let refused = stack.expect(3, &["plan"]);
    assert!(refused.contains("it does not pass the gate `forbidden`"), "{refused}");
    assert!(refused.contains("\"Allow use of the key\""), "{refused}");
    let linted = stack.expect(3, &["lint"]);
    assert!(linted.contains("error[KMS801]") && linted.contains("role/App is allowed"), "{linted}");
    stack.write(&text.replace("kms:Decrypt", "kms:Sign"));
    stack.expect(0, &["lint"]);
    stack.expect(0, &["apply", "--auto-approve"]);
    stack.write(&text.replace("[kms:Decrypt]", "[kms:Decript]"));
    let wrong = stack.expect(1, &["validate"]);
    assert!(wrong.contains("matches no action"), "{wrong}");
}

#[test]
fn live_policies_are_checked_instead_of_declared_ones() {
    let text = format!(
        "stack: held\nkeys: {{a: {{{POLICY}, rotation: {{period_days: 365}}, aliases: [held]}}}}\n"
    );
    let stack = Stack::of_text(&text, "me-south-1");
    stack.expect(0, &["apply", "--auto-approve"]);
    assert!(stack.expect(0, &["lint", "--live"]).contains("No findings."));
    let dead = "statements: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: kms:Decrypt, Resource: '*'}]";
    stack.write(&text.replace("users: [role/App]", dead));
    assert!(stack.expect(0, &["lint"]).contains("KMS302"));
    assert!(!stack.expect(0, &["lint", "--live"]).contains("KMS302"));
    stack.expect(0, &["apply", "--auto-approve"]);
    let live = stack.expect(0, &["lint", "--live"]);
    assert!(live.contains("KMS302") && live.contains("key/a"), "{live}");
}

/// The grants of another stack on a key of this one are foreign to it.
#[test]
fn live_findings_have_the_grants_of_other_owners() {
    let text = format!(
        "stack: lent\nkeys: {{a: {{{POLICY}, rotation: {{period_days: 365}}, aliases: [lent]}}}}\n"
    );
    let stack = Stack::of_text(&text, "eu-west-2");
    stack.expect(0, &["apply", "--auto-approve"]);
    let held: serde_json::Value =
        serde_json::from_str(&stack.expect(0, &["access", "a", "--format", "json"])).unwrap();
    let arn = held["key"]["arn"].as_str().or(held["key"].as_str()).unwrap();
    let grant = "{grantee: 'arn:aws:iam::123456789012:role/App', operations: [Decrypt]}";
    let other = Stack::of_text(
        &format!(
            "stack: borrower\nkeys: {{theirs: {{existing: '{arn}', grants: {{mine: {grant}}}}}}}\n"
        ),
        "eu-west-2",
    );
    other.expect(0, &["apply", "--auto-approve"]);
    let live = stack.expect(0, &["lint", "--live"]);
    assert!(live.contains("KMS701") && live.contains("role/App"), "{live}");
    let wanted = "foreign_grants: [{grantee: 'arn:aws:iam::123456789012:role/App', reason: lent}], aliases: [lent]";
    stack.write(&text.replace("aliases: [lent]", wanted));
    assert!(stack.expect(0, &["lint", "--live"]).contains("No findings."));
}
