use std::collections::BTreeSet;
use std::path::Path;

use super::{Config, Folder, MINIMAL};

const EXAMPLE: &str = include_str!("../../../../../examples/admitone.toml");
const GUIDE: &str = include_str!("../../../../../docs/configuring.md");

#[test]
fn the_example_loads_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/admitone.toml");
    let config = Config::load(&path, []).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

/// A line that begins `#` and no space is a setting that is off.
#[test]
fn every_setting_of_the_example_that_is_off_can_be_turned_on() {
    let folder = Folder::new();
    let pair = rcgen::generate_simple_self_signed(["gateway.example.com".to_owned()]).expect("a certificate");
    folder.write("cert.pem", pair.cert.pem());
    folder.write("receiver-ca.pem", pair.cert.pem());
    folder.write("traces.headers", "Authorization: Bearer key");
    folder.write("key.pem", pair.signing_key.serialize_pem());
    folder.write("issuer.pem", pair.signing_key.public_key_pem());
    for name in ["assertion-1.pem", "assertion-2.pem"] {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("an Ed25519 key");
        folder.write(name, key.serialize_pem());
    }
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    folder.write("partner.jwks.json", jwk);
    for name in [
        "issuer.secret",
        "ticket-1.key",
        "ticket-2.key",
        "ticket-tags.key",
        "redis.password",
        "sentinel.password",
        "introspection.secret",
        "admin.secret",
    ] {
        folder.write(name, format!("{name:-<40}"));
    }
    let whole: String = EXAMPLE.lines().map(|line| format!("{}\n", turned_on(line))).collect();
    let config = folder.parse(&whole).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(config.server.tls.is_some() && config.tickets.keys.is_some());
}

#[test]
fn the_example_and_the_guide_have_every_key() {
    for key in known_keys() {
        let in_example = EXAMPLE.lines().map(turned_on).any(|line| {
            line.trim_start_matches('[').trim_end_matches(']').rsplit('.').next() == Some(&*key)
                || line.split('=').next().is_some_and(|name| name.trim() == key)
        });
        assert!(in_example, "examples/admitone.toml does not have {key}");
        let in_guide =
            [format!("`{key}`"), format!("{key}]`"), format!("{key}]]`")].iter().any(|name| GUIDE.contains(name));
        assert!(in_guide, "docs/configuring.md does not have {key}");
    }
}

fn turned_on(line: &str) -> &str {
    line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#'])).unwrap_or(line)
}

/// Every key there is, from the mends of keys that there are not.
fn known_keys() -> BTreeSet<String> {
    let unknown = "unheard_of_unheard_of = 1\n";
    let text = MINIMAL.replace("]\n", &format!("]\n{unknown}")) + "[routes.rollout]\n" + unknown;
    let text = format!(
        "{unknown}{text}[store]\n{unknown}[log]\n{unknown}[limits]\n{unknown}[assertion]\n{unknown}[tickets]\n{unknown}[[tickets.keys]]\n{unknown}\
         [server.tls]\n{unknown}[admin]\n{unknown}[admin.tls]\n{unknown}[audit]\n{unknown}[traces]\n{unknown}[issuers.claims]\n{unknown}\
         [issuers.introspection]\n{unknown}[issuers.callback]\n{unknown}[authn]\n{unknown}[aliases]\n{unknown}"
    );
    // `origins` ends its line with a bracket too; the key below it is in the same section.
    let text = text.replace("\"]\nunheard_of_unheard_of = 1\n", "\"]\n");
    let faults = Folder::new().parse(&text).expect_err("unknown keys");
    let listed = faults.iter().filter_map(|fault| fault.mend.strip_prefix("the keys here are "));
    let sections: Vec<_> = listed.collect();
    assert_eq!(sections.len(), 21, "{faults}");
    sections.iter().flat_map(|keys| keys.split(", ")).map(|key| key.trim_matches('`').to_owned()).collect()
}
