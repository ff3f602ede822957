use super::*;
use crate::grant::SessionId;

/// Also among subjects that share a bucket, the part of a tag that a handle shows.
#[test]
fn s12_a_handle_is_its_owners_and_of_their_keys_alone() {
    let keys = TicketKeys::random().expect("random bytes");
    let tag = |last: u8| SubjectTag([5, 0, 0, 0, 0, 0, 0, last]);
    let session = keys.session_id(tag(1), [7; 10]);
    assert_eq!(tag(1).bucket(), tag(2).bucket());
    assert!(keys.is_session_of(tag(1), &session));
    assert!(!keys.is_session_of(tag(2), &session), "a neighbour in the bucket");
    assert!(!keys.is_session_of(SubjectTag([6, 0, 0, 0, 0, 0, 0, 1]), &session), "another bucket");
    assert!(!TicketKeys::random().expect("random bytes").is_session_of(tag(1), &session), "other keys");
    let moved = SessionId::new(6, *session.bytes().last_chunk().expect("16 bytes"));
    assert!(!keys.is_session_of(tag(1), &moved), "the same name and tag in another bucket");
}
