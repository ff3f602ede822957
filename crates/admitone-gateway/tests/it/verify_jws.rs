//! `admitone debug verify-jws`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::process::admitone;
use crate::tokens::FOLDER;

const SECRET: &[u8] = b"a secret of forty bytes, known to a test";

fn file(content: impl AsRef<[u8]>) -> PathBuf {
    static FILES: AtomicU64 = AtomicU64::new(0);
    let path = FOLDER.join(format!("jws-{}", FILES.fetch_add(1, Ordering::Relaxed)));
    std::fs::write(&path, content).expect("a file");
    path
}

fn jwk(changes: &Value) -> Value {
    let mut jwk = json!({"kty": "oct", "kid": "one", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(SECRET)});
    for (member, value) in changes.as_object().expect("members") {
        jwk[member] = value.clone();
    }
    jwk
}

/// A token whose payload is no JSON.
fn token() -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"one"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode([0, 0xff, b'{']));
    let key = EncodingKey::from_secret(SECRET);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature");
    format!("{message}.{signature}")
}

fn verify_jws(jwk: &Value, arguments: &[&str], token: &str) -> Output {
    let mut command = admitone();
    command.args(["debug", "verify-jws", "--jwk"]).arg(file(jwk.to_string())).args(arguments);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the binary starts");
    child.stdin.take().expect("a pipe").write_all(token.as_bytes()).expect("its input is read");
    child.wait_with_output().expect("the binary ends")
}

fn told(output: &Output) -> (Option<i32>, &str, &str) {
    let text = |bytes| std::str::from_utf8(bytes).expect("text");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_signature_of_any_payload_is_accepted_from_standard_input_or_a_file() {
    let good = jwk(&json!({}));
    assert_eq!(told(&verify_jws(&good, &[], &token())), (Some(0), "accept\n", ""));
    assert_eq!(
        told(&verify_jws(&json!({"keys": [good]}), &[], &format!("{}\r\n", token()))),
        (Some(0), "accept\n", "")
    );
    let path = file(token() + "\n");
    let arguments = ["--json", "--token-file", path.to_str().expect("a path")];
    let accepted = (Some(0), "{\"reason\":null,\"result\":\"accept\"}\n", "");
    assert_eq!(told(&verify_jws(&good, &arguments, "")), accepted);
}

#[test]
fn s8_what_is_not_signed_by_the_key_as_the_key_says_is_rejected() {
    let other_key = json!({"k": URL_SAFE_NO_PAD.encode([7; 32])});
    let cases = [
        (other_key, "signature"),
        (json!({"alg": "HS384"}), "hs384"),
        (json!({"use": "enc"}), "no key is left"),
        (json!({"key_ops": ["sign"]}), "no key is left"),
        (json!({"kid": "two"}), "`kid`"),
        (json!({"k": ""}), "at least 32 bytes"),
        (json!({"d": "AA"}), "private key"),
    ];
    for (changes, reason) in cases {
        let output = verify_jws(&jwk(&changes), &[], &token());
        let (status, stdout, stderr) = told(&output);
        assert_eq!((status, stdout), (Some(1), "reject\n"), "{changes}");
        assert!(stderr.to_lowercase().contains(reason), "{changes}: {stderr}");
        assert!(!stderr.contains(&token()) && !stderr.contains("AAAA"), "{stderr}");
    }
    let output = verify_jws(&jwk(&json!({})), &["--json"], "x.y");
    let answer: Value = serde_json::from_str(told(&output).1).expect("JSON");
    assert_eq!((told(&output).0, &answer["result"]), (Some(1), &json!("reject")));
}

#[test]
fn what_cannot_be_read_is_neither_accepted_nor_rejected() {
    let missing = FOLDER.join("there-is-no-such-file");
    let output = verify_jws(&jwk(&json!({})), &["--token-file", missing.to_str().expect("a path")], "");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(told(&output).1, "");
    let mut command = admitone();
    let output = command.args(["debug", "verify-jws", "--jwk"]).arg(&missing).output().expect("the binary ends");
    assert_eq!(told(&output).0, Some(2));
    assert!(told(&output).2.contains("there-is-no-such-file"), "{}", told(&output).2);
}
