use super::{Folder, MINIMAL};

/// [`MINIMAL`] with an issuer whose tokens have to be asked about.
fn introspected(audience: &str, more: &str) -> String {
    let tokens = "audience = \"admitone\"\nalgorithms = \"HS256\"\nsecret_file = \"issuer.key\"\n";
    let asked = format!(
        "{audience}\n[issuers.introspection]\nurl = \"https://id.example.com/introspect\"\n\
         secret_file = \"issuer.key\"\n{more}\n"
    );
    assert!(MINIMAL.contains(tokens));
    MINIMAL.replace(tokens, &asked)
}

#[test]
fn opaque_tokens_for_anybody_count_only_where_that_is_written() {
    let audiences = |audience, more| {
        let config = Folder::new().parse(&introspected(audience, more)).unwrap_or_else(|faults| panic!("{faults}"));
        config.issuers[0].introspection.as_ref().expect("a server").issuer.audiences.clone()
    };
    assert_eq!(audiences("audience = \"admitone\"", ""), ["admitone"]);
    assert!(audiences("", "danger_any_audience = true").is_empty());

    let faults = |audience, more| Folder::new().faults(&introspected(audience, more));
    let mend = "write the `aud` that its tokens have for this gateway, or set introspection.danger_any_audience";
    assert_eq!(faults("audience = []", ""), [format!("a.toml:6:12: issuers[0].audience: the list is empty; {mend}")]);
    assert_eq!(faults("", ""), [format!("a.toml:3:1: issuers[0].audience: it is required; {mend}")]);
    assert_eq!(
        faults("audience = []", "danger_any_audience = true"),
        ["a.toml:10:23: issuers[0].introspection.danger_any_audience: the issuer has an audience; keep one of the two"]
    );
}
