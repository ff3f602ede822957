use rcgen::PublicKeyData as _;

use super::{Folder, MINIMAL, SECRET, minimal_with};

/// What reading the issuer's secret says about a file of this content.
fn secret_faults(content: impl AsRef<[u8]>) -> Vec<String> {
    let folder = Folder::new();
    folder.write("issuer.key", content);
    folder.faults(MINIMAL)
}

#[test]
fn a_secret_is_never_shown() {
    let folder = Folder::new();
    folder.write("one.key", "one-secret-that-nobody-may-ever-see-0001\n");
    folder.write("tag.key", "tag-secret-that-nobody-may-ever-see-0001\n");
    let text = format!(
        "{MINIMAL}[tickets]\ntag_secret_file = \"tag.key\"\n[[tickets.keys]]\nid = 1\nsecret_file = \"one.key\"\n"
    );
    let config = folder.parse(&text).expect("a configuration");
    assert!(config.tickets.keys.is_some());
    let shown = format!("{config:?} {config:#?}");
    for secret in [SECRET, "nobody-may-ever-see"] {
        let as_bytes = format!("{:?}", &secret.as_bytes()[..8]);
        assert!(!shown.contains(secret), "{shown}");
        assert!(!shown.contains(as_bytes.trim_matches(['[', ']'])), "{shown}");
    }
}

#[test]
fn a_secret_written_where_its_file_belongs_is_not_repeated() {
    let text = minimal_with("[[issuers]]", "secret_file = \"hunter2-hunter2\"");
    let faults = Folder::new().faults(&text).join("\n");
    assert!(
        faults.contains("a.toml:4:15: issuers[0].secret_file: there is no such file; write a file's path; relative")
    );
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn a_secret_file_has_to_hold_a_secret() {
    let at = "a.toml:8:15: issuers[0].secret_file: ";
    for (content, expected) in [
        ("".to_owned(), "the file is empty; is it the right file?"),
        (
            format!("{}\n", "x".repeat(31)),
            "the file holds 31 bytes; a key has at least 32; make one with `openssl rand -hex 32`",
        ),
        ("x".repeat(65 * 1024), "the file is longer than 64 KiB; is it the right file?"),
    ] {
        assert_eq!(secret_faults(content), [format!("{at}{expected}")]);
    }
    let folder = Folder::new();
    let text = minimal_with("[[issuers]]", "secret_file = \".\"");
    assert_eq!(folder.faults(&text), ["a.toml:4:15: issuers[0].secret_file: it names a directory; name a file"]);
}

#[test]
fn one_final_line_break_is_no_part_of_a_secret() {
    for content in ["x".repeat(32), format!("{}\n", "x".repeat(32)), format!("{}\r\n", "x".repeat(32))] {
        let folder = Folder::new();
        folder.write("issuer.key", content);
        assert!(folder.parse(MINIMAL).is_ok());
    }
    assert_eq!(secret_faults(format!("{}\n\n", "x".repeat(30))).len(), 1);
}

#[test]
fn a_public_key_is_no_hs256_secret() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"BBBB"}"#.to_owned();
    let ssh = format!("ssh-ed25519 {}", "A".repeat(68));
    for content in
        [key.public_key_pem().into_bytes(), jwk.into_bytes(), ssh.into_bytes(), key.subject_public_key_info()]
    {
        let faults = secret_faults(content);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("public key"), "{faults:?}");
    }
}

#[test]
fn a_secret_that_every_user_can_read_is_a_warning() {
    let folder = Folder::new();
    folder.write_with_mode("issuer.key", SECRET, 0o644);
    let config = folder.parse(MINIMAL).expect("a configuration");
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "a.toml:8:15: issuers[0].secret_file: every user of this machine can read the file; take that away: `chmod o-r`"
        ]
    );
}

#[test]
fn an_es256_key_is_the_issuers_public_key_by_file_or_in_place() {
    let (key, folder) = (rcgen::KeyPair::generate().expect("a key"), Folder::new());
    folder.write("issuer.pem", key.public_key_pem());
    let es256 = MINIMAL.replace("HS256", "ES256");
    let by_file = es256.replace("secret_file = \"issuer.key\"", "public_key_file = \"issuer.pem\"");
    let in_place = format!("public_key = \"\"\"{}\"\"\"", key.public_key_pem());
    assert!(folder.parse(&by_file).is_ok());
    assert!(folder.parse(&es256.replace("secret_file = \"issuer.key\"", &in_place)).is_ok());

    folder.write("issuer.pem", key.serialize_pem());
    let faults = folder.faults(&by_file);
    assert!(faults[0].contains("issuers[0].public_key_file: this is a private key; "), "{faults:?}");
    assert_eq!(
        folder.faults(&es256),
        [
            "a.toml:8:15: issuers[0].secret_file: a shared secret key cannot be used with ES256; name only algorithms of its \
             kind"
        ]
    );
    assert_eq!(
        folder.faults(&es256.replace("secret_file = \"issuer.key\"", "")),
        [
            "a.toml:3:1: issuers[0].public_key_file: it is required; name the PEM file with the issuer's public key, or write \
             the PEM itself as public_key",
        ]
    );
    let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).expect("a key");
    folder.write("issuer.pem", other.public_key_pem());
    assert_eq!(
        folder.faults(&by_file),
        [
            "a.toml:8:19: issuers[0].public_key_file: a P-384 key cannot be used with ES256; name only algorithms of its kind"
        ]
    );
    assert!(folder.parse(&by_file.replace("ES256", "ES384")).is_ok());
}

#[test]
fn keys_come_from_one_place() {
    let folder = Folder::new();
    let two = MINIMAL.replace("secret_file", "public_key = \"x\"\nsecret_file");
    assert_eq!(
        folder.faults(&two),
        ["a.toml:9:15: issuers[0].secret_file: public_key is set too; keep one of the two"]
    );
    let longer = MINIMAL.replace("HS256", "HS384");
    assert_eq!(
        folder.faults(&longer),
        [
            "a.toml:8:15: issuers[0].secret_file: a secret for HS384 must have at least 48 bytes; make one with `openssl rand -hex \
             64`"
        ]
    );
}

#[test]
fn a_jwk_set_of_a_file_holds_keys_for_the_algorithms() {
    let folder = Folder::new();
    let text = MINIMAL.replace("secret_file = \"issuer.key\"", "jwks_file = \"jwks.json\"");
    let with_algorithm = |algorithm: &str| text.replace("HS256", algorithm);
    let secret = r#"{"kty":"oct","kid":"1","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}"#;
    let public = r#"{"kty":"OKP","crv":"Ed25519","kid":"2","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    folder.write("jwks.json", format!(r#"{{"keys":[{secret}]}}"#));
    assert_eq!(
        folder.parse(&text).expect("a configuration").issuers[0].tokens.as_ref().expect("tokens").keys.current().len(),
        1
    );
    folder.write("jwks.json", public);
    assert!(folder.parse(&with_algorithm("EdDSA")).is_ok(), "a single key");
    let at = "a.toml:8:13: issuers[0].jwks_file: ";
    assert_eq!(
        folder.faults(&with_algorithm("RS256")),
        [format!("{at}none of its keys is for one of the algorithms; name the algorithms that its keys are for")]
    );
    folder.write("jwks.json", format!(r#"{{"keys":[{public},{secret}]}}"#));
    assert_eq!(
        folder.faults(&with_algorithm("EdDSA")),
        [format!(
            "{at}key 2: shared secrets (`oct`) stand neither in a published set nor beside public keys; name a file with the \
             issuer's JWK set, as its jwks_uri gives it"
        )]
    );
}

#[test]
fn ticket_keys_have_ids_and_secrets_of_their_own() {
    let folder = Folder::new();
    folder.write("one.key", "1".repeat(32));
    folder.write("two.key", "2".repeat(32));
    let key = |id: u8, file: &str| format!("[[tickets.keys]]\nid = {id}\nsecret_file = \"{file}\"\n");
    let text = |tag: &str, keys: &[String]| format!("{MINIMAL}[tickets]\n{tag}\n{}", keys.concat());
    assert_eq!(
        folder.faults(&text("tag_secret_file = \"one.key\"", &[key(7, "one.key"), key(7, "one.key")])),
        [
            "a.toml:14:19: tickets.tag_secret_file: it is the same secret as one of the keys; make one of its own: it never rotates",
            "a.toml:19:6: tickets.keys[1].id: another key has the id 7; write a number from 0 to 255 that no other has",
            "a.toml:20:15: tickets.keys[1].secret_file: another key has the same secret; make one with `openssl rand -hex 32`",
        ]
    );
    assert_eq!(
        folder.faults(&text("", &[key(1, "one.key")])),
        [
            "a.toml:13:1: tickets.tag_secret_file: it is required; name a file of its own beside the keys: it stays when they rotate"
        ]
    );
    assert_eq!(
        folder.faults(&text("tag_secret_file = \"two.key\"", &[])),
        [
            "a.toml:14:19: tickets.tag_secret_file: there are no [[tickets.keys]] that it belongs to; add them, or leave it out"
        ]
    );
}

#[test]
fn a_certificate_and_its_key_belong_together() {
    let folder = Folder::new();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let other = rcgen::KeyPair::generate().expect("a key");
    folder.write("cert.pem", own.cert.pem());
    folder.write("key.pem", own.signing_key.serialize_pem());
    folder.write("other.pem", other.serialize_pem());
    let text = |key: &str| {
        let server = "[server]\npublic_url = \"https://gateway.example.com\"\n";
        format!(
            "{}[server.tls]\ncert_file = \"cert.pem\"\n{key}\n",
            MINIMAL.replace("[server]\n", server).replace("127.0.0.1:8080", "0.0.0.0:443")
        )
    };
    let config = folder.parse(&text("key_file = \"key.pem\"")).expect("a configuration");
    assert!(config.server.tls.is_some());
    let plain = text("key_file = \"key.pem\"").replace("https://gateway", "http://gateway");
    assert_eq!(
        folder.faults(&plain),
        ["a.toml:2:14: server.public_url: it is http, but the gateway speaks TLS; write it with https"]
    );
    for (key, expected) in [
        (
            "key_file = \"other.pem\"",
            "a.toml:16:12: server.tls.key_file: the key does not belong to the certificate in cert_file; name the two files of one pair",
        ),
        (
            "key_file = \"cert.pem\"",
            "a.toml:16:12: server.tls.key_file: the file has no private key; it needs an unencrypted PEM block that begins with -----BEGIN PRIVATE KEY-----",
        ),
        (
            "",
            "a.toml:14:1: server.tls.key_file: it is required; write the path of the PEM file with the certificate's private key",
        ),
    ] {
        assert_eq!(folder.faults(&text(key)), [expected]);
    }
}

#[test]
fn the_authorities_of_an_upstream_are_checked() {
    let folder = Folder::new();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    folder.write("ca.pem", own.cert.pem());
    folder.write("junk.pem", "junk");
    let with = |scheme: &str, file: &str| {
        minimal_with("[[routes]]", &format!("upstream_ca_file = \"{file}\"")).replace("ws://", &format!("{scheme}://"))
    };
    assert!(folder.parse(&with("wss", "ca.pem")).is_ok());
    assert!(
        folder.faults(&with("wss", "junk.pem"))[0]
            .starts_with("a.toml:10:20: routes[0].upstream_ca_file: no certificate")
    );
    assert!(folder.faults(&with("ws", "ca.pem"))[0].contains("the upstream is ws, without TLS"));
}

#[test]
fn assertion_keys_are_checked() {
    let folder = Folder::new();
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("an Ed25519 key");
    folder.write("good.pem", ed25519.serialize_pem());
    folder.write("p256.pem", rcgen::KeyPair::generate().expect("a key").serialize_pem());
    let mend = "make one with `openssl genpkey -algorithm ed25519`";
    for (value, expected) in [
        ("\"p256.pem\"", format!("12: assertion.key_file: the private key is not an Ed25519 key; {mend}")),
        (
            "\"issuer.key\"",
            format!(
                "12: assertion.key_file: the file has no unencrypted PEM block that begins with -----BEGIN PRIVATE KEY-----; {mend}"
            ),
        ),
        ("[]", "12: assertion.key_file: the list is empty; name a file, or leave it out".to_owned()),
        (
            "[\"good.pem\", \"good.pem\"]",
            "25: assertion.key_file[1]: another file has the same key; name each key once".to_owned(),
        ),
    ] {
        let text = format!("{MINIMAL}[assertion]\nkey_file = {value}\n");
        let faults = folder.faults(&text);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].ends_with(&expected), "{faults:?}");
    }
    let config = folder.parse(&format!("{MINIMAL}[assertion]\nkey_file = \"good.pem\"\n")).expect("a configuration");
    assert_eq!((config.assertion.is_wanted, config.assertion.keys.len()), (false, 1));
}

#[test]
fn gateways_that_share_a_store_share_the_key_of_their_assertions() {
    let folder = Folder::new();
    folder.write("ticket.key", "0123456789abcdef0123456789abcdef");
    folder.write("tags.key", "fedcba9876543210fedcba9876543210");
    let shared = "upstream_assertion = true\n[store]\nkind = \"redis\"\nurl = \"redis://127.0.0.1:6379\"\n[tickets]\n\
                  tag_secret_file = \"tags.key\"\n[[tickets.keys]]\nid = 1\nsecret_file = \"ticket.key\"\n";
    let faults = folder.faults(&format!("{MINIMAL}{shared}"));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].contains("assertion.key_file: it is required; a route has upstream_assertion = true"),
        "{faults:?}"
    );
    assert!(folder.parse(&format!("{MINIMAL}upstream_assertion = true\n")).expect("one gateway").assertion.is_wanted);
}
