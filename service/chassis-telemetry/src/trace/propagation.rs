//! The headers by which a trace goes from service to service.
//!
//! | convention | in | out |
//! |---|---|---|
//! | W3C | `traceparent`, `tracestate`, `baggage` | the same |
//! | B3, one header | `b3` | the same |
//! | B3 | `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled`, `x-b3-flags` | all but the flags |
//! | OpenTracing (contract 5.7.26) | `ot-tracer-traceid`, `ot-tracer-spanid`, `ot-tracer-sampled`, `ot-baggage-*` | the same |
//!
//! The first one that is complete and well-formed counts, in this order; without one a new trace begins.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    ids::{SpanId, TraceId, is_hex},
    link::{Carried, Link},
};
use crate::config::Propagation;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");
const B3: HeaderName = HeaderName::from_static("b3");
const B3_TRACE: HeaderName = HeaderName::from_static("x-b3-traceid");
const B3_SPAN: HeaderName = HeaderName::from_static("x-b3-spanid");
const B3_SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
const B3_FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");
const OT_TRACE: HeaderName = HeaderName::from_static("ot-tracer-traceid");
const OT_SPAN: HeaderName = HeaderName::from_static("ot-tracer-spanid");
const OT_SAMPLED: HeaderName = HeaderName::from_static("ot-tracer-sampled");
const OT_BAGGAGE: &str = "ot-baggage-";

/// Baggage beyond this is left behind: it would be copied into every request further on.
const MOST_CARRIED: usize = 8192;

/// What a request says of the trace it belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Incoming {
    /// The span that asked.
    pub parent: Option<(TraceId, SpanId)>,
    /// Whether the trace is recorded, if that has been decided.
    pub sampled: Option<bool>,
    pub carried: Option<Arc<Carried>>,
}

pub(super) fn extract(headers: &HeaderMap) -> Incoming {
    let w3c = w3c(headers);
    let carried = carried(headers, w3c.is_some());
    let found = w3c.or_else(|| b3_single(headers)).or_else(|| b3_multi(headers)).or_else(|| ot(headers));
    let (parent, sampled) = found.unwrap_or_default();
    Incoming { parent, sampled, carried }
}

type Found = (Option<(TraceId, SpanId)>, Option<bool>);

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// `00-<32 digits>-<16 digits>-<2 digits>`; a later version may have more parts.
fn w3c(headers: &HeaderMap) -> Option<Found> {
    let mut parts = text(headers, &TRACEPARENT)?.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = (version.len(), trace.len(), span.len(), flags.len()) == (2, 32, 16, 2);
    let lower =
        [version, trace, span, flags].iter().all(|part| !part.bytes().any(|b| b.is_ascii_uppercase()));
    if !is_hex(version, 2) || !is_hex(flags, 2) || headers.get_all(TRACEPARENT).iter().count() > 1 {
        return None;
    }
    let version = u8::from_str_radix(version, 16).ok()?;
    if !lengths || !lower || version == 0xff || (version == 0 && parts.next().is_some()) {
        return None;
    }
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    Some((Some((TraceId::parse(trace)?, SpanId::parse(span)?)), Some(sampled)))
}

/// `<trace>-<span>[-<sampled>[-<parent>]]`, or the decision alone.
fn b3_single(headers: &HeaderMap) -> Option<Found> {
    let all = text(headers, &B3)?;
    if let Some(sampled) = decision(all) {
        return Some((None, Some(sampled)));
    }
    let mut parts = all.split('-');
    let (trace, span) = (parts.next()?, parts.next()?);
    let sampled = match parts.next() {
        Some(text) => Some(decision(text)?),
        None => None,
    };
    Some((Some((b3_trace(trace)?, b3_span(span)?)), sampled))
}

fn b3_multi(headers: &HeaderMap) -> Option<Found> {
    let debug = text(headers, &B3_FLAGS) == Some("1");
    let sampled = if debug { Some(true) } else { text(headers, &B3_SAMPLED).and_then(decision) };
    match (text(headers, &B3_TRACE), text(headers, &B3_SPAN)) {
        (Some(trace), Some(span)) => Some((Some((b3_trace(trace)?, b3_span(span)?)), sampled)),
        _ => sampled.map(|sampled| (None, Some(sampled))),
    }
}

fn b3_trace(text: &str) -> Option<TraceId> {
    matches!(text.len(), 16 | 32).then(|| TraceId::parse(text))?
}

fn b3_span(text: &str) -> Option<SpanId> {
    (text.len() == 16).then(|| SpanId::parse(text))?
}

/// All three, or it is no parent (contract 5.7.26).
fn ot(headers: &HeaderMap) -> Option<Found> {
    let trace = TraceId::parse(text(headers, &OT_TRACE)?)?;
    let span = SpanId::parse(text(headers, &OT_SPAN)?)?;
    let sampled = decision(text(headers, &OT_SAMPLED)?)?;
    Some((Some((trace, span)), Some(sampled)))
}

/// `d` is B3's "debug": recorded whatever the rate.
fn decision(text: &str) -> Option<bool> {
    match text {
        "1" | "d" => Some(true),
        "0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// `tracestate` has no meaning without its `traceparent`.
fn carried(headers: &HeaderMap, has_traceparent: bool) -> Option<Arc<Carried>> {
    let mut room = MOST_CARRIED;
    let mut carried = Carried::new();
    for (name, value) in headers {
        let wanted = (*name == TRACESTATE && has_traceparent)
            || *name == BAGGAGE
            || name.as_str().starts_with(OT_BAGGAGE);
        let length = name.as_str().len() + value.len();
        if wanted && length <= room {
            room -= length;
            carried.push((name.clone(), value.clone()));
        }
    }
    (!carried.is_empty()).then(|| Arc::new(carried))
}

/// Writes where `link` is into the headers of a request to another service, in each convention of `propagation`.
pub(super) fn inject(link: &Link, propagation: Propagation, headers: &mut HeaderMap) {
    let Link { trace, span, sampled, carried } = link;
    let mut put = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    let bit = u8::from(*sampled);
    if propagation.w3c {
        put(TRACEPARENT, format!("00-{trace}-{span}-{bit:02x}"));
    }
    if propagation.b3 {
        put(B3, format!("{}-{span}-{bit}", trace.padded()));
    }
    if propagation.b3_multi {
        put(B3_TRACE, trace.padded());
        put(B3_SPAN, span.to_string());
        put(B3_SAMPLED, bit.to_string());
    }
    if propagation.ot {
        put(OT_TRACE, trace.short());
        put(OT_SPAN, span.short());
        put(OT_SAMPLED, sampled.to_string());
    }
    for (name, value) in carried.iter().flat_map(|carried| carried.iter()) {
        let of_ot = name.as_str().starts_with(OT_BAGGAGE);
        if (of_ot && propagation.ot) || (!of_ot && propagation.w3c) {
            headers.append(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn headers(of: &[(&str, &str)]) -> HeaderMap {
        of.iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()))
            .collect()
    }

    fn parent(of: &[(&str, &str)]) -> Found {
        let Incoming { parent, sampled, .. } = extract(&headers(of));
        (parent, sampled)
    }

    fn wanted(trace: &str, span: &str, sampled: Option<bool>) -> Found {
        (Some((TraceId::parse(trace).unwrap(), SpanId::parse(span).unwrap())), sampled)
    }

    /// contract 0b.7
    #[test]
    fn w3c_headers_are_a_parent() {
        let good = wanted(TRACE, SPAN, Some(true));
        assert_eq!(parent(&[("traceparent", &format!("00-{TRACE}-{SPAN}-01"))]), good);
        assert_eq!(parent(&[("traceparent", &format!("01-{TRACE}-{SPAN}-03-later"))]), good);
        assert_eq!(
            parent(&[("traceparent", &format!("00-{TRACE}-{SPAN}-00"))]),
            wanted(TRACE, SPAN, Some(false))
        );
        for bad in [
            format!("00-{TRACE}-{SPAN}"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-zz"),
            format!("00-{TRACE}-{SPAN}-+1"),
            format!("+0-{TRACE}-{SPAN}-01"),
            String::new(),
        ] {
            assert_eq!(parent(&[("traceparent", &bad)]), (None, None), "{bad}");
        }
    }

    #[test]
    fn contract_5_7_26_three_ot_headers_are_a_parent_and_anything_else_is_a_new_root() {
        let all =
            [("ot-tracer-traceid", "af76"), ("ot-tracer-spanid", "b7ad"), ("ot-tracer-sampled", "true")];
        assert_eq!(parent(&all), wanted("af76", "b7ad", Some(true)));
        for (text, sampled) in [("1", true), ("0", false), ("false", false), ("True", true)] {
            let given = [all[0], all[1], ("ot-tracer-sampled", text)];
            assert_eq!(parent(&given), wanted("af76", "b7ad", Some(sampled)), "{text}");
        }
        for missing in 0..3 {
            let mut some = all.to_vec();
            some.remove(missing);
            assert_eq!(parent(&some), (None, None), "without {}", all[missing].0);
        }
        for (place, bad) in [(0, "xyz"), (1, "-1"), (2, "maybe")] {
            let mut some = all;
            some[place].1 = bad;
            assert_eq!(parent(&some), (None, None), "{bad}");
        }
    }

    #[test]
    fn b3_is_read_from_one_header_and_from_several() {
        let single = |text: &str| parent(&[("b3", text)]);
        assert_eq!(single(&format!("{TRACE}-{SPAN}-1")), wanted(TRACE, SPAN, Some(true)));
        assert_eq!(single(&format!("{TRACE}-{SPAN}-d-{SPAN}")), wanted(TRACE, SPAN, Some(true)));
        assert_eq!(single(&format!("{SPAN}-{SPAN}")), wanted(SPAN, SPAN, None));
        assert_eq!(single("0"), (None, Some(false)));
        for bad in [format!("{TRACE}-{SPAN}-x"), TRACE.to_owned(), "abc-def-1".to_owned()] {
            assert_eq!(single(&bad), (None, None), "{bad}");
        }
        let ids = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
        assert_eq!(parent(&ids), wanted(TRACE, SPAN, None));
        assert_eq!(parent(&[ids[0], ids[1], ("X-B3-Sampled", "0")]), wanted(TRACE, SPAN, Some(false)));
        assert_eq!(parent(&[ids[0], ids[1], ("X-B3-Flags", "1")]), wanted(TRACE, SPAN, Some(true)));
        assert_eq!(parent(&[("X-B3-Sampled", "0")]), (None, Some(false)));
    }

    #[test]
    fn what_is_malformed_gives_way_to_the_next_convention() {
        let given = [
            ("traceparent", "nonsense"),
            ("b3", "nonsense"),
            ("ot-tracer-traceid", "1"),
            ("ot-tracer-spanid", "2"),
            ("ot-tracer-sampled", "1"),
        ];
        assert_eq!(parent(&given), wanted("1", "2", Some(true)));
    }

    #[test]
    fn contract_5_7_26_what_goes_out_is_read_back_in_each_convention_with_its_baggage() {
        let given = headers(&[
            ("traceparent", &format!("00-{TRACE}-{SPAN}-01")),
            ("tracestate", "vendor=1"),
            ("baggage", "user=7"),
            ("ot-baggage-tenant", "blue"),
        ]);
        let incoming = extract(&given);
        let (trace, span) = incoming.parent.unwrap();
        let link = Link { trace, span, sampled: true, carried: incoming.carried };
        let none = Propagation { w3c: false, ot: false, b3: false, b3_multi: false };
        let conventions = [
            (Propagation { w3c: true, ..none }, &["baggage", "traceparent", "tracestate"][..]),
            (Propagation { b3: true, ..none }, &["b3"]),
            (Propagation { b3_multi: true, ..none }, &["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"]),
            (
                Propagation { ot: true, ..none },
                &["ot-baggage-tenant", "ot-tracer-sampled", "ot-tracer-spanid", "ot-tracer-traceid"],
            ),
        ];
        for (propagation, names) in conventions {
            let mut out = HeaderMap::new();
            inject(&link, propagation, &mut out);
            let mut written: Vec<_> = out.keys().map(HeaderName::as_str).collect();
            written.sort_unstable();
            assert_eq!(written, names);
            let back = extract(&out);
            assert_eq!((back.parent, back.sampled), (Some((trace, span)), Some(true)), "{names:?}");
        }
    }

    #[test]
    fn tracestate_goes_with_its_traceparent_alone() {
        let good = format!("00-{TRACE}-{SPAN}-01");
        let with = |parents: &[&str]| {
            let parents = parents.iter().map(|parent| ("traceparent", *parent));
            let others = [("tracestate", "vendor=1"), ("b3", "1c80319c1c80319c-1c80319c1c80319c-1")];
            let mut headers = HeaderMap::new();
            for (name, value) in parents.chain(others) {
                headers.append(name, value.parse().unwrap());
            }
            extract(&headers)
        };
        assert!(with(&[&good]).carried.is_some());
        for broken in [&["nonsense"][..], &[&good, &good], &[]] {
            let Incoming { parent, carried, .. } = with(broken);
            assert!(parent.is_some(), "that of b3");
            assert_eq!(carried, None, "{broken:?}");
        }
    }

    #[test]
    fn baggage_has_a_bound() {
        let (large, small) = ("x".repeat(MOST_CARRIED), "y");
        let given = headers(&[("ot-baggage-a", &large), ("ot-baggage-b", small), ("b3", "1")]);
        let carried = extract(&given).carried.unwrap();
        assert_eq!(carried.len(), 1);
        assert_eq!(carried[0].1, small);
    }
}
