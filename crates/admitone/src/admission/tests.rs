use super::*;
use crate::revocation::memory::MemoryRevocations;
use crate::store::directory::Lease;
use crate::store::memory::{MemoryLimits, MemoryTicketStore};

fn admission() -> Admission {
    let revocations = Arc::new(MemoryRevocations::default());
    let store = Arc::new(MemoryTicketStore::new(MemoryLimits::default(), revocations.clone()));
    Admission::new(TicketKeys::random().expect("random bytes"), store, revocations)
}

fn principal(issuer: &str, subject: &str) -> Principal {
    Principal::new(issuer, subject, None).expect("visible ASCII")
}

#[test]
fn a_node_goes_by_the_name_that_it_is_given() {
    assert_eq!(admission().node(), "");
    assert_eq!(admission().on_node("gw-1").node(), "gw-1");
}

#[test]
fn s12_whose_a_session_is_its_handle_tells() {
    let admission = admission();
    let ada = principal("https://id.example", "ada");
    let session = admission.keys.session_id(admission.subject_tag(&ada), [7; 10]);
    assert!(admission.is_owner(&ada, &session));
    for stranger in [principal("https://id.example", "bob"), principal("https://other.example", "ada")] {
        assert!(!admission.is_owner(&stranger, &session), "{stranger:?}");
    }
}

#[tokio::test]
async fn a_place_is_counted_until_its_session_is_forgotten() {
    let admission = admission();
    let ada = principal("https://id.example", "ada");
    let subject = admission.subject_tag(&ada);
    let session = admission.keys.session_id(subject, [7; 10]);
    let lease = Lease { session: session.clone(), subject, deadline: 0 };
    assert_eq!(admission.directory().claim(&lease, 2).await, Ok(true));
    assert_eq!(admission.count_sessions(&ada).await, Ok(1));
    assert_eq!(admission.count_sessions(&principal("https://id.example", "bob")).await, Ok(0));
    admission.forget(&session, &ada).await;
    assert_eq!(admission.count_sessions(&ada).await, Ok(0));
}
