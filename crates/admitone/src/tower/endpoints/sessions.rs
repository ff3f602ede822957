//! `/auth/session/{id}` and `/auth/logout`: connections go on, or end, with their logins.

use http::{Response, StatusCode};
use serde_json::json;

use super::{Asked, body, json, no_content};
use crate::grant::SessionId;
use crate::now::Now;
use crate::revocation::Revocation;
use crate::tower::{Refusal, Shared};

const NO_SUCH_SESSION: Refusal = Refusal::Absent("this login has no such session");

/// A live connection goes on with a fresh login.
pub(super) async fn renew(shared: &Shared, id: &str, asked: Asked) -> Result<Response<Vec<u8>>, Refusal> {
    shared.check_not_draining()?;
    body::refuse_all(&asked.fields)?;
    let id = SessionId::parse(id).map_err(|_| NO_SUCH_SESSION)?;
    let now = Now::read();
    let renewed = shared.engine.control.renew(&id, &asked.login, now).await?;
    let expires_in = renewed.expires_at.saturating_sub(now.unix);
    json(
        StatusCode::OK,
        &json!({ "session_id": id.as_str(), "expires_at": renewed.expires_at, "expires_in": expires_in }),
    )
}

/// A connection ends, or the ticket that would open it. It says 204 to an owner, whether the session is yet to begin, live, or
/// over.
pub(super) async fn end(shared: &Shared, id: &str, asked: Asked) -> Result<Response<Vec<u8>>, Refusal> {
    body::refuse_all(&asked.fields)?;
    let id = SessionId::parse(id).map_err(|_| NO_SUCH_SESSION)?;
    match shared.engine.admission.revoke_session(&id, &asked.login.principal, asked.now).await? {
        true => Ok(no_content()),
        false => Err(NO_SUCH_SESSION),
    }
}

/// A login ends, with its tickets and its sockets.
pub(super) async fn logout(shared: &Shared, asked: Asked) -> Result<Response<Vec<u8>>, Refusal> {
    let Asked { fields, login, now, .. } = asked;
    let mut everywhere = false;
    let faults = body::read_each(&fields, |field, value| match field {
        "everywhere" => {
            everywhere = value.as_bool().ok_or("true or false is needed")?;
            Ok(())
        }
        _ => Err("no such field; there is everywhere".to_owned()),
    });
    if !faults.is_empty() {
        return Err(Refusal::Body(faults));
    }
    let revocation = match everywhere {
        // An issuer's clock may be ahead of ours, and its logins with it: this one is over too.
        true => Revocation::of_subject(&login.principal, now.unix.max(login.stamp.issued_at)),
        false => Revocation::of_login(&login, now.unix),
    };
    shared.engine.revocations.revoke_of(&login.principal, revocation, now).await?;
    Ok(no_content())
}
