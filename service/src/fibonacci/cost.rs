//! What a list costs, against the naive way: binary numbers, each turned into decimal by itself.
//!
//! ```text
//! cargo test --release -p service cost -- --ignored --nocapture
//! ```

use std::{
    fmt::Write as _,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use chassis::answer::Layout;
use dashu_int::UBig;

use super::{config::MaxCount, listing::Listing, sequence::Sequence};

/// The best of a few, since everything else of the machine only adds.
fn best<T>(mut work: impl FnMut() -> T) -> Duration {
    let once = |_| {
        let begun = Instant::now();
        black_box(work());
        begun.elapsed()
    };
    (0..7).map(once).min().unwrap()
}

fn naive(count: usize) -> String {
    let (mut this, mut next) = (UBig::ZERO, UBig::ONE);
    let mut text = String::from("{\"answer\":[");
    for index in 0..count {
        let comma = if index > 0 { "," } else { "" };
        write!(text, "{comma}{this}").unwrap();
        this += &next;
        std::mem::swap(&mut this, &mut next);
    }
    text.push_str("]}\n");
    text
}

fn whole(sequence: &Arc<Sequence>, count: usize, layout: Layout) -> Vec<u8> {
    let listing = Listing { sequence: Arc::clone(sequence), count, layout };
    let text = Vec::with_capacity(listing.len());
    listing.pieces().fold(text, |mut text, piece| {
        text.extend_from_slice(&piece);
        text
    })
}

#[test]
#[ignore = "prints times and asserts none of them"]
fn cost() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for count in [100, 1000, 10_000] {
        let fresh = || Arc::new(Sequence::new(MaxCount::new(u32::try_from(count).unwrap())));
        let cold = || {
            let sequence = fresh();
            runtime.block_on(sequence.compute(count)).unwrap();
            sequence
        };
        let sequence = cold();
        let text = whole(&sequence, count, Layout::Compact);
        assert!(text == naive(count).as_bytes(), "the same list");
        let warm = |layout| Listing { sequence: Arc::clone(&sequence), count, layout };
        println!(
            "{count} numbers, {} bytes: cold {:?}, warm pretty {:?}, warm compact {:?}, naive {:?}, memcpy {:?}",
            text.len(),
            best(cold),
            best(|| warm(Layout::Pretty).pieces().map(|piece| piece.len()).sum::<usize>()),
            best(|| warm(Layout::Compact).pieces().map(|piece| piece.len()).sum::<usize>()),
            best(|| naive(count)),
            best(|| text.clone()),
        );
    }
}
