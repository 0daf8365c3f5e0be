//! What a process does with its leadership: it works only meanwhile, and writes only meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use http::{Request, Response};
use kube::client::Body;
use operator::process::leader::{Fence, Leadership, NotLeading, Role, Term, lead};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn leading() -> Role {
    let now = Instant::now();
    Role::Leading(Term { until: now + seconds(10), expires: now + seconds(15) })
}

/// Counts how often work began, and how much of it is going on.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicUsize; 2]>);

impl Counts {
    fn began(&self) -> usize {
        self.0[0].load(SeqCst)
    }

    fn running(&self) -> usize {
        self.0[1].load(SeqCst)
    }

    /// Works until it is over, and then takes `rest` to end.
    async fn work(self, over: CancellationToken, rest: Duration) {
        self.0[0].fetch_add(1, SeqCst);
        self.0[1].fetch_add(1, SeqCst);
        over.cancelled().await;
        sleep(rest).await;
        self.0[1].fetch_sub(1, SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn it_works_while_it_leads_and_again_in_the_next_term() {
    let (role, receiver) = watch::channel(Role::Unknown);
    let (counts, stop) = (Counts::default(), CancellationToken::new());
    let terms = tokio::spawn(lead(Leadership::elected(receiver), stop.clone(), {
        let counts = counts.clone();
        move |over| counts.clone().work(over, seconds(1))
    }));
    sleep(seconds(60)).await;
    role.send_replace(Role::Standby(Instant::now()));
    sleep(seconds(60)).await;
    assert_eq!(counts.began(), 0, "a standby worked");
    for term in 1..=3 {
        role.send_replace(leading());
        sleep(seconds(6)).await;
        role.send_replace(leading());
        sleep(seconds(9)).await;
        assert_eq!((counts.began(), counts.running()), (term, 1), "a renewal began the work anew");
        // Not renewed, and nobody says so: the term's end is enough.
        sleep(seconds(3)).await;
        assert_eq!(counts.running(), 0);
    }
    role.send_replace(leading());
    sleep(seconds(1)).await;
    stop.cancel();
    terms.await.unwrap().unwrap();
    assert_eq!((counts.began(), counts.running()), (4, 0), "what ran is done after the end");
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_ends_the_process_before_another_may_lead() {
    let (role, receiver) = watch::channel(leading());
    let (counts, began) = (Counts::default(), Instant::now());
    let result = lead(Leadership::elected(receiver), CancellationToken::new(), |over| {
        counts.clone().work(over, seconds(60))
    })
    .await;
    assert!(result.is_err());
    assert_eq!(began.elapsed().as_secs(), 15, "the end of the lease");
    drop(role);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_hide_a_loss() {
    let (_role, receiver) = watch::channel(leading());
    let (counts, stop) = (Counts::default(), CancellationToken::new());
    stop.clone().cancel();
    lead(Leadership::elected(receiver.clone()), stop, |over| counts.clone().work(over, seconds(0)))
        .await
        .unwrap();
    assert_eq!(counts.began(), 0, "nothing is begun after the end");

    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            sleep(seconds(1)).await;
            stop.cancel();
        }
    });
    let work = |over| counts.clone().work(over, seconds(60));
    lead(Leadership::elected(receiver), stop, work).await.unwrap_err();
}

/// A service that takes 4 s, and counts what it got and what it answered.
fn slow(
    counts: &Counts,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
+ Clone
+ use<> {
    let counts = counts.clone();
    tower::service_fn(move |_| {
        let counts = counts.clone();
        async move {
            counts.0[0].fetch_add(1, SeqCst);
            sleep(seconds(4)).await;
            counts.0[1].fetch_add(1, SeqCst);
            Ok(Response::new(Body::empty()))
        }
    })
}

fn request(method: &str) -> Request<Body> {
    Request::builder().method(method).uri("/").body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_a_leader_writes() {
    let (role, receiver) = watch::channel(Role::Standby(Instant::now()));
    let counts = Counts::default();
    let fence = Fence::new(slow(&counts), Leadership::elected(receiver));
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let error = fence.clone().oneshot(request(method)).await.unwrap_err();
        assert!(error.is::<NotLeading>(), "{method}: {error}");
    }
    assert_eq!(counts.began(), 0, "a request got through");
    fence.clone().oneshot(request("GET")).await.unwrap();

    role.send_replace(leading());
    fence.clone().oneshot(request("PATCH")).await.unwrap();
    assert_eq!(counts.began(), 2);

    // Renewed while the request runs; then not renewed any more.
    let renewal = async {
        sleep(seconds(3)).await;
        role.send_replace(leading());
    };
    let (answer, ()) = tokio::join!(fence.clone().oneshot(request("PATCH")), renewal);
    answer.unwrap();
    sleep(seconds(7)).await;
    let error = fence.clone().oneshot(request("PATCH")).await.unwrap_err();
    assert!(error.is::<NotLeading>(), "{error}");
    sleep(seconds(30)).await;
    let error = fence.oneshot(request("PATCH")).await.unwrap_err();
    assert!(error.is::<NotLeading>(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_election_everything_goes_through() {
    let counts = Counts::default();
    let leadership = Leadership::alone();
    leadership.clone().known().await;
    assert!(leadership.is_leading());
    Fence::new(slow(&counts), leadership).oneshot(request("POST")).await.unwrap();
}
