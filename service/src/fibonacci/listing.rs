//! A list as JSON, in pieces that are shared with every other answer.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use chassis::answer::Layout;
use futures::stream;

use super::sequence::{PER_SEGMENT, SEPARATOR, Segment, Sequence};

/// Of every answer; a cache has to know that there are two layouts.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    (header::VARY, HeaderValue::from_static("x-requested-with")),
];

/// What differs between the layouts before each number: a line break and the indentation.
const INDENT: usize = SEPARATOR.len() - 1;

/// A list up to this many bytes is sent in one piece.
const SMALL: usize = 64 << 10;

/// What a list looks like around and between its numbers, in each layout.
trait Frame: Copy {
    fn head(self) -> &'static [u8];
    fn tail(self, count: usize) -> &'static [u8];
    fn len(self, segment: &Segment, count: usize) -> usize;
    fn text(self, segment: &Segment, count: usize) -> Bytes;
}

impl Frame for Layout {
    fn head(self) -> &'static [u8] {
        match self {
            Self::Pretty => b"{\n  \"answer\": [",
            Self::Compact => b"{\"answer\":[",
        }
    }

    fn tail(self, count: usize) -> &'static [u8] {
        match (self, count) {
            (Self::Pretty, 0) => b"]\n}\n",
            (Self::Pretty, _) => b"\n  ]\n}\n",
            (Self::Compact, _) => b"]}\n",
        }
    }

    fn len(self, segment: &Segment, count: usize) -> usize {
        match self {
            Self::Pretty => segment.len(count),
            Self::Compact => segment.len(count) - count * INDENT,
        }
    }

    /// The text is kept as most clients get it; the others get a copy, a segment at a time.
    fn text(self, segment: &Segment, count: usize) -> Bytes {
        match self {
            Self::Pretty => segment.prefix(count),
            Self::Compact => {
                let mut text = Vec::with_capacity(self.len(segment, count));
                for number in segment.numbers(count) {
                    text.push(b',');
                    text.extend_from_slice(&number[SEPARATOR.len()..]);
                }
                text.into()
            }
        }
    }
}

/// The first `count` numbers of a sequence that has them computed.
#[derive(Debug)]
pub(super) struct Listing {
    pub sequence: Arc<Sequence>,
    pub count: usize,
    pub layout: Layout,
}

impl Listing {
    /// Bytes of the whole body.
    pub(super) fn len(&self) -> usize {
        let Self { sequence, count, layout } = self;
        let numbers: usize =
            sequence.segments(*count).map(|(segment, count)| layout.len(segment, count)).sum();
        // The first number has no comma before it.
        layout.head().len() + numbers.saturating_sub(1) + layout.tail(*count).len()
    }

    /// The body in order; a piece of the middle is made when it is asked for.
    pub(super) fn pieces(self) -> impl Iterator<Item = Bytes> {
        let Self { sequence, count, layout } = self;
        let (head, tail) = (Bytes::from_static(layout.head()), Bytes::from_static(layout.tail(count)));
        let middle = (0..count).step_by(PER_SEGMENT).enumerate().map_while(move |(index, first)| {
            let text = layout.text(sequence.segment(index)?, PER_SEGMENT.min(count - first));
            Some(if index == 0 { text.slice(1..) } else { text })
        });
        [head].into_iter().chain(middle).chain([tail])
    }
}

impl IntoResponse for Listing {
    fn into_response(self) -> Response {
        let length = self.len();
        let body = if length <= SMALL {
            Body::from(self.pieces().fold(Vec::with_capacity(length), |mut body, piece| {
                body.extend_from_slice(&piece);
                body
            }))
        } else {
            Body::from_stream(stream::iter(self.pieces().map(Ok::<_, Infallible>)))
        };
        ([(header::CONTENT_LENGTH, HeaderValue::from(length))], HEADERS, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::config::MaxCount, *};

    async fn sequence(count: u32) -> Arc<Sequence> {
        let sequence = Arc::new(Sequence::new(MaxCount::new(count)));
        sequence.compute(usize::try_from(count).unwrap()).await.unwrap();
        sequence
    }

    fn text(sequence: &Arc<Sequence>, count: usize, layout: Layout) -> String {
        let listing = |layout| Listing { sequence: Arc::clone(sequence), count, layout };
        let text: Vec<u8> = listing(layout).pieces().flatten().collect();
        assert_eq!(text.len(), listing(layout).len(), "announced length of {count} numbers, {layout:?}");
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn the_layouts_are_those_of_a_json_library() {
        // As far as the numbers are small enough for it.
        let sequence = sequence(94).await;
        for count in 0..=94 {
            let compact = text(&sequence, count, Layout::Compact);
            let value: serde_json::Value = serde_json::from_str(&compact).unwrap();
            assert_eq!(value["answer"].as_array().unwrap().len(), count);
            assert_eq!(compact, format!("{value}\n"));
            let pretty = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
            assert_eq!(text(&sequence, count, Layout::Pretty), pretty);
        }
    }

    #[tokio::test]
    async fn a_list_is_the_beginning_of_the_next_one() {
        let sequence = sequence(1000).await;
        for layout in [Layout::Pretty, Layout::Compact] {
            let mut before = text(&sequence, 1, layout);
            for count in 2..=1000 {
                let list = text(&sequence, count, layout);
                let numbers = before.strip_suffix(std::str::from_utf8(layout.tail(1)).unwrap()).unwrap();
                assert!(list.strip_prefix(numbers).unwrap().starts_with(','), "{count}");
                assert_eq!(list.matches(',').count(), count - 1);
                before = list;
            }
        }
    }

    #[tokio::test]
    async fn a_large_list_is_shared_and_not_copied() {
        let sequence = sequence(1000).await;
        let listing = || Listing { sequence: Arc::clone(&sequence), count: 1000, layout: Layout::Pretty };
        let addresses = || listing().pieces().map(|piece| piece.as_ptr()).collect::<Vec<_>>();
        assert_eq!(addresses(), addresses());
        assert_eq!(addresses().len(), 12, "head, ten segments, tail");
    }
}
