use std::sync::Arc;

use http::Method;
use http::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::otlp::{self, Resource};
use super::*;
use crate::fetch::{Fetch, Limits, Reach, Url};
use crate::upstream::tls_config;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Traces whose queue is read by nobody but the test.
fn traces(one_in: u32) -> (Arc<Traces>, mpsc::Receiver<Finished>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    let config = config::Traces {
        endpoint: Url::parse("http://127.0.0.1:4318/v1/traces").expect("a URL"),
        fetch: Fetch::new(tls_config(None).expect("TLS"), Reach::anywhere(), Limits::default()),
        headers: HeaderMap::new(),
        one_in: NonZeroU32::new(one_in).expect("a number"),
        service: "admitone".to_owned(),
    };
    let (mut traces, _sender) = Traces::new(config, "node", &metrics);
    let (queue, finished) = mpsc::channel(WAITING);
    traces.queue = queue;
    (Arc::new(traces), finished, metrics)
}

fn saying(lines: &[&'static str]) -> HeaderMap {
    lines.iter().map(|line| (TRACEPARENT, HeaderValue::from_static(line))).collect()
}

fn context(headers: &HeaderMap) -> Context {
    assert_eq!(headers.get_all(TRACEPARENT).iter().count(), 1);
    Context::read(&headers[TRACEPARENT]).expect("a context")
}

#[test]
fn a_context_counts_from_whom_is_trusted_and_only_when_there_is_one() {
    let (traces, mut finished, _) = traces(1);
    for (lines, is_trusted, counts) in [
        (&[GIVEN][..], true, true),
        (&[GIVEN], false, false),
        (&[GIVEN, GIVEN], true, false),
        (&["nonsense"], true, false),
        (&[], true, false),
    ] {
        let mut headers = saying(lines);
        headers.insert(TRACESTATE, HeaderValue::from_static("vendor=1"));
        drop(traces.begin(&mut headers, is_trusted));
        let (told, passed_on) = (finished.try_recv().expect("a trace"), context(&headers));
        assert_eq!(passed_on, told.context, "the upstream's parent is the gateway's own span");
        assert_ne!(passed_on.span, 0xb7ad_6b71_6920_3331);
        assert_eq!(passed_on.trace == 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, counts, "{lines:?} {is_trusted}");
        assert_eq!(told.parent.is_some(), counts);
        assert_eq!(headers.contains_key(TRACESTATE), counts, "it belongs to the context");
    }
}

#[test]
fn one_request_in_so_many_is_told_of_where_nobody_has_decided_before() {
    let (traces, mut finished, _) = traces(3);
    let mut told = |lines: &[&'static str]| {
        let mut headers = saying(lines);
        drop(traces.begin(&mut headers, true));
        let is_told = finished.try_recv().is_ok();
        assert_eq!(context(&headers).is_sampled, is_told, "whoever is asked next knows");
        is_told
    };
    let asked: Vec<bool> = (0..6).map(|_| told(&[])).collect();
    assert_eq!(asked, [true, false, false, true, false, false]);
    assert!((0..6).all(|_| told(&[GIVEN])));
    assert!((0..6).all(|_| !told(&["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"])));
}

#[test]
fn what_does_not_fit_is_lost_and_counted_and_nobody_waits() {
    let (traces, mut finished, metrics) = traces(1);
    for _ in 0..WAITING + 3 {
        drop(traces.begin(&mut HeaderMap::new(), false));
    }
    assert!(metrics.text().contains("admitone_traces_lost_total 3\n"), "{}", metrics.text());
    assert!(finished.try_recv().is_ok());
    drop(traces.begin(&mut HeaderMap::new(), false));
    assert!(metrics.text().contains("admitone_traces_lost_total 3\n"), "there is room again");
}

#[test]
fn steps_are_bounded() {
    let (traces, mut finished, _) = traces(1);
    let trace = traces.begin(&mut HeaderMap::new(), false);
    for _ in 0..100 {
        trace.step("dial").ended("connected");
    }
    drop(trace);
    assert_eq!(finished.try_recv().expect("a trace").told.steps.len(), 16);
}

/// What is posted of one request.
fn posted(tell: impl FnOnce(&Trace)) -> Vec<Value> {
    let (traces, mut finished, _) = traces(1);
    let trace = traces.begin(&mut saying(&[GIVEN]), true);
    tell(&trace);
    drop(trace);
    let resource = Resource { service: "chat".to_owned(), node: "node".to_owned() };
    let request = otlp::request(&resource, &[finished.try_recv().expect("a trace")]);
    let attributes = request["resourceSpans"][0]["resource"]["attributes"].clone();
    assert_eq!(attributes[0], json!({ "key": "service.name", "value": { "stringValue": "chat" } }));
    request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().expect("spans").clone()
}

#[test]
fn a_request_and_its_steps_are_written_as_otlp_has_them() {
    let spans = posted(|trace| {
        trace.is_for(&Method::GET, "/chat");
        let step = trace.step("dial");
        step.ended("connected");
        drop(trace.step("redeem"));
        trace.answered(503);
    });
    let [request, dial, redeem] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(request["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(request["parentSpanId"], "b7ad6b7169203331");
    assert_eq!((&request["name"], &request["kind"]), (&json!("GET /chat"), &json!(2)));
    assert_eq!(request["status"], json!({ "code": 2 }), "ours");
    assert!(request.to_string().contains(r#"{"key":"http.response.status_code","value":{"intValue":"503"}}"#));
    assert_eq!(dial["attributes"], json!([{ "key": "admitone.outcome", "value": { "stringValue": "connected" } }]));
    assert_eq!(redeem["attributes"], json!([]), "it did not end well");
    let nanoseconds = |span: &Value, key: &str| span[key].as_str().and_then(|text| text.parse::<u128>().ok());
    for step in [dial, redeem] {
        assert_eq!((&step["traceId"], &step["parentSpanId"]), (&request["traceId"], &request["spanId"]));
        let [begin, end] = ["startTimeUnixNano", "endTimeUnixNano"].map(|key| nanoseconds(step, key).expect("a time"));
        assert!(nanoseconds(request, "startTimeUnixNano") <= Some(begin) && begin <= end);
        assert!(Some(end) <= nanoseconds(request, "endTimeUnixNano"));
    }
}

#[test]
fn no_method_of_a_clients_own_is_told() {
    let spans = posted(|trace| trace.is_for(&Method::from_bytes(b"ADM1-SECRET").expect("a method"), ""));
    assert_eq!(spans[0]["name"], "_OTHER");
    assert!(!spans[0].to_string().contains("SECRET"));
}

#[test]
fn spans_that_a_receiver_rejects_are_seen() {
    for (answer, spans) in [
        (r#"{"partialSuccess":{"rejectedSpans":"7"}}"#, Some(7)),
        (r#"{"partialSuccess":{"rejectedSpans":7}}"#, Some(7)),
        (r#"{"partialSuccess":{"rejectedSpans":"0"}}"#, None),
        (r#"{"partialSuccess":null}"#, None),
        ("{}", None),
        ("", None),
    ] {
        assert_eq!(otlp::rejected(answer.as_bytes()), spans, "{answer}");
    }
}
