//! Tests of what is hidden, and of what is not.
use super::*;

/// Returns the text with `*` for what is hidden.
fn shown(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in in_text(text) {
        bytes[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_follows_a_word_for_a_secret_is_hidden_without_a_tree() {
    for form in [
        "{master_pasword: HUNTER, foo: @a}",
        "{pw: HUNTER, foo: @a}",
        "{master_password : HUNTER, foo: @a}",
        "{'master_password' : HUNTER, foo: @a}",
        "{? master_password : HUNTER, foo: @a}",
        "{master_password: {value: HUNTER}, foo: @a}",
        "{master_password: [a, HUNTER], foo: @a}",
        "{master_password: 'a,HUNTER', foo: @a}",
        "{\"master_password\": \"x, HUNTER\", foo: @a}",
        "{master_password: $HUNTER, foo: @a}",
        "{\n  master_password:\nHUNTER: x, foo: @a}",
        "master_password: {HUNTER",
        "master_password: }HUNTER",
        "master_password: a, HUNTER",
        "master_password: \"a\",HUNTER",
        "master_password:\n        @HUNTER",
        "master_password:\n        'HUNTER",
        "master_password:\n      HUNTER: x",
        "master_password:\n      - HUNTER",
        "master_password: a\n        HUNTER: x",
        "master_password: \"a\n        HUNTER",
        "master_password: >-\n        a\n       HUNTER",
        "- master_password: HUNTER",
        "? master_password\n      : HUNTER",
        "master_password = HUNTER",
        "master_password=HUNTER: 1",
        "# master_password: HUNTER",
        // What is before the name.
        "y: {z: [HUNTER, master_password: @x]}",
        "y: {value: HUNTER, name: master_password, foo: @a}",
        "y: [HUNTER password, @x]",
        "HUNTER is the master_password",
        "y: HUNTER master_password",
        // Items at the column of the name, and quotes and brackets that end elsewhere.
        "master_password:\n      - x: 1\n      - HUNTER: @a",
        "master_password: \"first\nb: HUNTER\"",
        "master_password: 'a\n      b: HUNTER'x'",
        "master_password: [x,\n      HUNTER: y",
        "{a: \"}\", master_password: [x,\nHUNTER: y], foo: @a}",
        "{a: '}}}}', master_password:\n  {x: y,\nHUNTER: z}, foo: @a}",
        // Escaped names.
        "{\"m\\x70w\": HUNTER, foo: @a}",
        "\"p\\x77\": HUNTER @",
        // Digits for letters, URLs and variables.
        "pa55word: HUNTER @",
        "url: mysql://app:HUNTER@db:3306 @",
        "vars:\n        db: HUNTER",
    ] {
        let text = format!("rds:\n  instances:\n    orders:\n      {form}\n      port: no\n");
        let shown = shown(&text);
        assert!(!shown.contains("HUNTER"), "{form}: {shown}");
        assert!(shown.starts_with("rds:\n  instances:\n    orders:\n"), "{form}: {shown}");
    }
}

#[test]
fn what_follows_the_value_of_a_secret_is_shown() {
    let text = "a:\n  master_password: x\n  # c\n  engine: @\nb: 1\nl:\n- pw: {env: A}\n  c: 2\n";
    assert_eq!(
        shown(text),
        "a:\n  master_password***\n*****\n  engine: @\nb: 1\nl:\n- pw**********\n  c: 2\n"
    );
    assert_eq!(shown("compasses: 1\nat: 12:30\n"), "compasses: 1\nat: 12:30\n");
}

#[test]
fn comments_with_a_secret_are_hidden() {
    assert_eq!(in_comment("a: 1 # the password is x", false), Some(6..24));
    assert_eq!(in_comment("a: 1\t# x is the password", false), Some(6..24));
    assert_eq!(in_comment("a: 1 #x password", false), Some(6..16));
    assert_eq!(in_comment("# pw: x", false), Some(1..7));
    assert_eq!(in_comment("a: 1 # b", false), None);
    assert_eq!(in_comment("a: x # b", true), Some(6..8));
    assert_eq!(in_comment("password: x#b", false), None);
}

/// Returns the text of a tree with `*` for what is hidden.
fn shown_in_tree(text: &str, names: Names) -> String {
    let mut d = crate::decode::Diagnostics::default();
    let node = crate::config::yaml(text, 0, &mut d).unwrap();
    let mut found = Vec::new();
    in_tree(text, &node, names, &mut found);
    let mut bytes = text.as_bytes().to_vec();
    for span in found {
        let bytes = &mut bytes[span.start as usize..span.end as usize];
        bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn secrets_in_a_tree_are_hidden() {
    for text in [
        "master_password: HUNTER",
        "master_password: &HUNTER x",
        "master_password: &HUNTER",
        "x: {master_password: &HUNTER, z: 1}",
        "x: {master_password: &HUNTER {env: A}}",
        "x: {master_password: a,HUNTER}",
        "x: {master_password: a, b, HUNTER}",
        "x: {master_password: 'a','HUNTER'}",
        "x: {master_password: a,HUNTER: }",
        "x: [master_password: a, HUNTER]",
        "x: &a HUNTER\nmaster_password: *a",
        "x: {master_password: {value: &HUNTER x}}",
        "- master_password=HUNTER",
        "x: [password=HUNTER]",
        "x: master_password=HUNTER",
        "x: 'the password: HUNTER'",
        "x: {name: master_password, value: HUNTER}",
        "x: {value: HUNTER, name: master_password}",
        "x: [{Key: password, Value: HUNTER}]",
        "master_password: {env: 9HUNTER}",
        "master_password: {env: HUNTER-x}",
        "master_password: '${var.HUNTER'",
        "rds: {instances: {master_password: {value: HUNTER}}}",
        "pa55w0rd: HUNTER",
        "x: {pin: HUNTER}",
        "x: {master_key: HUNTER}",
        "x: mysql://app:HUNTER@db:3306/orders",
        "x: postgres://app:ab/HUNTER+ef@db",
        "x: https://HUNTER@example.com",
        "vars: {db: HUNTER}",
        "vars: {db: [HUNTER]}",
        "keys: {k: {tags: {password: HUNTER}}}",
        "keys: {k: {tags: {'acme:db-password': HUNTER}}}",
        "keys: {k: {tags: {secrets: [HUNTER]}}}",
        "vars: {db_password: {HUNTER: 1}}",
        "rds: {instances: {secrets: {master_pasword: HUNTER}}}",
        "keys: {k: {policy: {statements: [{password: HUNTER}]}}}",
    ] {
        let shown = shown_in_tree(text, Names::Fields);
        assert!(!shown.contains("HUNTER"), "{text}: {shown}");
    }
    let shown = shown_in_tree("{Statement: [{password: HUNTER, Sid: a}]}", Names::Policy);
    assert_eq!(shown, "{Statement: [{password: ******, Sid: a}]}");
}

/// The names of variables are shown, and their values are hidden whatever they are.
#[test]
fn the_names_of_variables_are_shown() {
    for (text, expected) in [
        (
            "vars: {admin: role/SecurityAdmin, bucket: null}",
            "vars: {admin: ******************, bucket: null}",
        ),
        ("vars: {a: x, b: ~, c: , d: y}", "vars: {a: *, b: ~, c: , d: *}"),
        ("vars: {a: null, b}", "vars: {a: null, b}"),
        ("vars: {a: [x], b: {c: d}, \"c d\": e}", "vars: {a: ***, b: ******, \"c d\": *}"),
        ("vars: {a: {b: {c: [d]}}, e: f}", "vars: {a: *************, e: *}"),
        ("vars: {a: \"${PW}\", b: \"${local.x}\"}", "vars: {a: \"${PW}\", b: \"${local.x}\"}"),
        // What follows a comma may belong to the value before it.
        ("vars: {a: x, b}", "vars: {a: *, *}"),
        ("vars: {a: x,b: , c: y}", "vars: {a: *,*: , c: *}"),
        ("vars: {a b: null}", "vars: {***: null}"),
        ("vars: {'a:b': x}", "vars: {*****: *}"),
        ("vars: {a: '${x}y', b: '${Xy1}'}", "vars: {a: *******, b: ********}"),
    ] {
        assert_eq!(shown_in_tree(text, Names::Fields), expected);
    }
    let file = "a: x\nb: null\n\"c d\": y\n";
    assert_eq!(shown_in_tree(file, Names::Variables), "a: *\nb: null\n\"c d\": *\n");
}

#[test]
fn what_is_no_secret_is_shown() {
    for text in [
        "master_password: {env: DB_PASSWORD}",
        "master_password: ${var.db-password}",
        "x: {security_groups: [sg-1], compass: 1, passports: 2, bypass: b}",
        "x: {secret_arn: a, password_policy: b, masterUserSecretArn: c}",
        "keys:\n  secrets:\n    descripton: x\n  token-service: {spec: y}\n  compass:\n",
        "rds: {instances: {passports: {port: no}, credentials: {port: no}}}",
        "keys: {k: {tags: {secret_arn: [a], db_secret_arn: {x: y}, passed: [1]}}}",
        "keys: {k: {grants: {secrets-reader: {grantee: role/x}}}}",
        "keys: {k: {description: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:x'}}",
        "keys: {k: {policy: {statements: [{Condition: {Bool: {'aws:SecureTransport': tru}}}]}}}",
        "x: {a: 1, b: , c: }",
    ] {
        assert_eq!(shown_in_tree(text, Names::Fields), text);
    }
    for text in [
        "{Condition: {Bool: {'aws:SecureTransport': tru, 'aws:TokenIssueTime': x}}}",
        "{Condition: {StringEquals: {'kms:EncryptionContext:SecretARN': [a], 'kms:EncryptionContext:password': b}}}",
        "{security: 1, secretary: 2, Sid: 'the password: is not here'}",
    ] {
        assert_eq!(shown_in_tree(text, Names::Policy), text);
    }
    // What is beside a secret is shown, too.
    for (text, expected) in [
        ("x: {master_password: ab, port: no}", "x: {master_password: **, port: no}"),
        ("x: {master_password: &a b, port: no}", "x: {master_password:*****, port: no}"),
        ("master_password: ab\nfoo:\nbar: 1", "master_password: **\nfoo:\nbar: 1"),
    ] {
        assert_eq!(shown_in_tree(text, Names::Fields), expected);
    }
}

#[test]
fn misspelt_names_are_those_of_secrets_and_ordinary_words_are_not() {
    for name in [
        "masterPassword",
        "master_pasword",
        "masterpasword",
        "masterpassowrd",
        "passowrd",
        "passwrod",
        "master_userpasword",
        "paswd",
        "pssword",
        "p4ssword",
        "p\u{430}ssword",
        "mastersecrt",
        "sekret",
        "apikey",
        "api_key",
        "privateKey",
        "access_key",
        "secret_access_key",
        "creds",
        "master_creds",
        "passphrase",
        "pw1",
        "dbpw",
        "authToken",
        "securityToken",
        "credentails",
        "passport_password",
    ] {
        assert!(may_be_secret(name), "{name}");
    }
    for name in [
        "security_groups",
        "security",
        "secure",
        "SecureTransport",
        "sector",
        "section",
        "passport",
        "passports",
        "compass",
        "bypass",
        "passed",
        "keyword",
        "discrete",
        "concrete",
        "credit",
        "record",
        "forward",
        "crossword",
        "secret_arn",
        "key",
        "access",
        "private",
        "description",
        "patch",
    ] {
        assert!(!may_be_secret(name), "{name}");
    }
    assert!(is_secret("db_password") && is_secret("Secrets") && !is_secret("dbpasword"));
}

#[test]
fn a_policy_with_a_syntax_error_hides_only_what_follows_a_plain_secret() {
    assert_eq!(in_policy(r#"{"Bool":{"aws:SecureTransport":"tru" 1}}"#), None);
    assert_eq!(in_policy(r#"{"kms:EncryptionContext:SecretARN": "password"}"#), None);
    assert_eq!(in_policy(r#"{"password":"S" "x":1}"#), Some(11..22));
    assert_eq!(in_policy(r#"{"p\u0061ssword" : "S" 1}"#), Some(16..25));
}
