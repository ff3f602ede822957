//! Two issuers, their tokens, and tickets that only somebody with the gateway's keys could make.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use admitone::admission::Admission;
use admitone::grant::Grant;
use admitone::now::Now;
use admitone::principal::{Login, LoginStamp, Permissions, Principal};
use admitone::revocation::memory::MemoryRevocations;
use admitone::store::memory::MemoryTicketStore;
use admitone::ticket::Place;
use admitone::ticket::keys::TicketKeys;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const LEGACY_ISSUER: &str = "legacy-app";
pub(crate) const KEY_ID: u8 = 7;

const LEGACY_SECRET: &[u8] = b"the secret that the legacy app signs with";
const TICKET_SECRET: &[u8] = b"the secret that the gateway's tickets have";
pub(crate) const ADMIN_SECRET: &str = "the-secret-that-operators-have-to-know";
/// What a receiver of traces wants to be told.
pub(crate) const RECEIVER_KEY: &str = "a-key-that-only-the-receiver-knows";
const TAG_SECRET: &[u8] = b"the secret that the tickets' tags have";

static SIGNER: LazyLock<rcgen::KeyPair> = LazyLock::new(|| rcgen::KeyPair::generate().expect("a P-256 key"));

/// A folder with the files that every test's configuration names.
pub(crate) static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("gateway-{}", std::process::id()));
    // A process that had this number before may have left its own, and lines are appended to some files.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder of its own");
    let public_key = SIGNER.public_key_pem();
    let receiver = format!("X-Receiver-Key: {RECEIVER_KEY}\n");
    let files: [(&str, &[u8]); 7] = [
        ("receiver.headers", receiver.as_bytes()),
        ("introspection.secret", b"s3cr:t &\n"),
        ("admin.secret", ADMIN_SECRET.as_bytes()),
        ("issuer.pem", public_key.as_bytes()),
        ("legacy.secret", LEGACY_SECRET),
        ("ticket.key", TICKET_SECRET),
        ("tags.key", TAG_SECRET),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content).expect("a file");
    }
    folder
});

pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// The claims of an access token of `subject`, a login of its own.
pub(crate) fn claims(subject: &str) -> Value {
    static LOGINS: AtomicU64 = AtomicU64::new(0);
    let login = LOGINS.fetch_add(1, Ordering::Relaxed);
    json!({
        "iss": ISSUER,
        "sub": subject,
        "aud": "admitone",
        "iat": unix_now(),
        "exp": unix_now() + 900,
        "sid": format!("sid-{login}"),
        "jti": format!("jti-{login}"),
        "email": format!("{subject}@example.com"),
        "scope": "chat:read chat:write",
    })
}

/// [`claims`] with some of them replaced, or removed by null.
pub(crate) fn claims_with(subject: &str, changes: Value) -> Value {
    let mut claims = claims(subject);
    for (name, value) in changes.as_object().expect("an object of claims") {
        match value {
            Value::Null => claims.as_object_mut().expect("claims are an object").remove(name),
            value => claims.as_object_mut().expect("claims are an object").insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// An access token (ES256) with these claims.
pub(crate) fn sign(claims: &Value) -> String {
    sign_typed("at+jwt", claims)
}

/// A token (ES256) of another type.
pub(crate) fn sign_typed(typ: &str, claims: &Value) -> String {
    let header = Header { typ: Some(typ.to_owned()), ..Header::new(Algorithm::ES256) };
    let key = EncodingKey::from_ec_pem(SIGNER.serialize_pem().as_bytes()).expect("a P-256 key");
    jsonwebtoken::encode(&header, claims, &key).expect("a token")
}

pub(crate) fn token(subject: &str) -> String {
    sign(&claims(subject))
}

/// A token of the other issuer (HS256).
pub(crate) fn legacy_token(subject: &str) -> String {
    let claims = claims_with(subject, json!({ "iss": LEGACY_ISSUER }));
    let key = EncodingKey::from_secret(LEGACY_SECRET);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token")
}

/// The gateway's own keys.
pub(crate) fn ticket_keys() -> TicketKeys {
    TicketKeys::new(&[(KEY_ID, TICKET_SECRET)], TAG_SECRET).expect("long secrets")
}

/// A ticket with the gateway's own keys that its store has never heard of, `age` old, for a minute.
pub(crate) async fn forged_ticket(place: &Place<'_>, age: Duration) -> String {
    let keys = ticket_keys();
    let revocations = Arc::new(MemoryRevocations::default());
    let store = Arc::new(MemoryTicketStore::new(Default::default(), revocations.clone()));
    let now = Now { unix: unix_now() - age.as_secs(), ..Now::read() };
    let login = Login {
        principal: Principal::new(ISSUER, "ada", None).expect("a principal"),
        permissions: Permissions::default(),
        stamp: LoginStamp { issued_at: now.unix, sid: None, jti: None },
        expires_at: now.unix + 900,
    };
    let grant = Grant::of(&login, place.route, Duration::from_secs(60), now.unix);
    let minted = Admission::new(keys, store, revocations).mint(grant, place, now).await.expect("a ticket");
    minted.ticket.expose().to_owned()
}
