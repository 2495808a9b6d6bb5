//! The program's `rotate` command, and the rotations that `access` and `state show` tell.

use crate::program::{Stack, proxy};
use crate::program_state::kms;
use serde_json::{Value, json};

/// Returns the ARN of the stack's key.
fn key(stack: &Stack) -> String {
    stack.expect(0, &["output", "key/a"]).trim_end().to_owned()
}

/// Returns the number of rotations of the stack's key.
fn rotations(stack: &Stack, region: &str) -> usize {
    let listed = kms(region, "ListKeyRotations", &json!({"KeyId": key(stack)}));
    listed["Rotations"].as_array().unwrap().len()
}

#[test]
fn a_rotation_is_confirmed_and_shown_afterwards() {
    let region = "ap-northeast-3";
    let stack = Stack::of_text("stack: rotated\nkeys: {a: {aliases: [rotated]}}\n", region);
    let missing = stack.expect(1, &["rotate", "a", "--auto-approve"]);
    assert!(missing.contains("the stack has no key `a` in AWS"), "{missing}");
    stack.expect(0, &["apply", "--auto-approve"]);
    assert!(stack.expect(0, &["access", "a"]).contains("Rotated  never; 25 of 25"));

    let unasked = stack.expect(64, &["rotate", "a"]);
    let unasked = unasked.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "25 of 25 rotations on demand left",
        "whoever could decrypt data still can",
        "--auto-approve",
    ] {
        assert!(unasked.contains(part), "{part}: {unasked}");
    }
    assert_eq!(rotations(&stack, region), 0);

    for (name, left) in [("a", 24), ("alias/rotated", 23), (key(&stack).as_str(), 22)] {
        let said = stack.expect(0, &["rotate", name, "--auto-approve"]);
        assert!(said.contains(&format!("{left} of 25 rotations on demand are left")), "{said}");
    }
    assert_eq!(rotations(&stack, region), 3);
    let access = stack.expect(0, &["access", "a"]);
    assert!(
        access.contains("Rotated  3 times, last 20") && access.contains("(on demand); 22 of 25"),
        "{access}"
    );
    let access: Value =
        serde_json::from_str(&stack.expect(0, &["access", "a", "--format", "json"])).unwrap();
    assert_eq!(access["rotations"][2]["type"], "ON_DEMAND");
    let record: Value =
        serde_json::from_str(&stack.expect(0, &["state", "show", "key/a"])).unwrap();
    assert_eq!(record["rotations"].as_array().unwrap().len(), 3);
    assert!(record["rotations"][0]["date"].as_str().unwrap().ends_with('Z'), "{record}");
    let record: Value =
        serde_json::from_str(&stack.expect(0, &["state", "show", "alias/rotated"])).unwrap();
    assert_eq!(record.get("rotations"), None);
    stack.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_lost_answer_is_looked_up_and_the_call_is_not_repeated() {
    let region = "ap-southeast-4";
    let mut stack = Stack::of_text("stack: lost-rotation\nkeys: {a: {}}\n", region);
    stack.expect(0, &["apply", "--auto-approve"]);
    let (mut proxy, url) = proxy(&["--lose", "1"]);
    let direct = std::mem::replace(&mut stack.endpoint, url);
    let said = stack.expect(0, &["rotate", "a", "--auto-approve"]);
    assert!(said.contains("24 of 25 rotations on demand are left"), "{said}");
    stack.endpoint = direct;
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    assert_eq!(rotations(&stack, region), 1);
}

#[test]
fn the_record_of_a_key_is_shown_without_its_rotations_if_they_cannot_be_read() {
    let mut stack = Stack::of_text("stack: hidden-rotation\nkeys: {a: {}}\n", "ap-south-2");
    stack.expect(0, &["apply", "--auto-approve"]);
    let (mut proxy, url) =
        proxy(&["--refuse", "ListKeyRotations", "AccessDeniedException", "not authorized"]);
    stack.endpoint = url;
    let said = stack.expect(0, &["state", "show", "key/a"]);
    assert!(said.contains("\"id\": \"arn:aws:kms:") && !said.contains("\"rotations\""), "{said}");
    assert!(
        said.contains("The rotations of the key are not shown: ListKeyRotations: not authorized"),
        "{said}"
    );
    let access = stack.expect(0, &["access", "a"]);
    assert!(access.contains("Rotated  not known (ListKeyRotations: not authorized"), "{access}");
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}
