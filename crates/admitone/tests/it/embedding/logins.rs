//! Logins in a cookie, and what cannot be built.

use std::time::Duration;

use admitone::origin::WebOrigin;
use admitone::route::Route;
use admitone::tower::{Admit, BuildError};

use super::client::Request;
use super::site::{ORIGIN, Site, chat, logins, token};

#[tokio::test]
async fn a_login_in_a_cookie_counts_for_pages_of_the_same_site_alone() {
    let site = Site::with(chat(), |builder| builder.login_cookie("session"));
    let mint = || Request::post("/auth/ticket").with("Cookie", &format!("a=b; session={}", token("ada")));
    let same = mint().origin(ORIGIN).with("Sec-Fetch-Site", "same-site");
    let answer = site.ask(&same).await;
    assert_eq!((answer.status, answer.header("access-control-allow-credentials")), (201, Some("true")));
    for request in [
        mint(),
        mint().with("Sec-Fetch-Site", "same-origin"),
        mint().origin(ORIGIN),
        mint().origin(ORIGIN).with("Sec-Fetch-Site", "cross-site"),
        mint().origin("https://evil.example").with("Sec-Fetch-Site", "same-site"),
    ] {
        assert_eq!(site.ask(&request).await.problem(), "origin_not_allowed");
    }
    let both = same.bearer("nobody");
    assert_eq!(site.ask(&both).await.problem(), "not_logged_in", "the token is final");
    let twice = Request::post("/auth/ticket").origin(ORIGIN).with("Sec-Fetch-Site", "same-origin");
    let twice = twice.with("Cookie", "session=login-of-ada; session=login-of-grace");
    assert_eq!(site.ask(&twice).await.problem(), "invalid_request");
    assert_eq!(
        Site::new().ask(&mint().origin(ORIGIN)).await.problem(),
        "not_logged_in",
        "no cookie unless it is named"
    );
}

#[tokio::test]
async fn what_cannot_be_meant_is_not_built() {
    let built = |url: &str, routes: &[Route]| Admit::in_memory(url, routes.to_vec(), logins);
    let url = "https://chat.example.com";
    let at = |path: &str| Route::new(path, [WebOrigin::parse(ORIGIN).expect("an origin")]);
    assert!(matches!(built("https://chat.example.com/", &[chat()]), Err(BuildError::PublicUrl(_))));
    assert!(matches!(built(url, &[]), Err(BuildError::NoRoute)));
    for path in ["chat", "", "/a b", "/a?b", "/a#b", "/é"] {
        assert!(matches!(built(url, &[at(path)]), Err(BuildError::Path(_))), "{path:?}");
    }
    assert!(matches!(built(url, &[chat(), chat()]), Err(BuildError::Repeated(_))));
    assert!(matches!(built(url, &[Route { bind_address: true, ..chat() }]), Err(BuildError::Address(_))));
    let builder = Admit::builder(url, logins).route(chat()).default_ttl(Duration::from_secs(1));
    assert!(matches!(builder.in_memory(), Err(BuildError::Ttl(_))));
    let admit = built(url, &[chat()]).expect("sound");
    let fault = admit.door("/other").expect_err("no such route");
    assert_eq!(fault.to_string(), r#"there is no route "/other"; there are ["/chat"]"#);
}

#[test]
fn outside_of_a_runtime_nothing_is_built_that_would_hear_of_no_revocation() {
    let built = Admit::in_memory("https://chat.example.com", [chat()], logins);
    assert!(matches!(built, Err(BuildError::NoRuntime)));
}
