//! Never two leaders, and soon a next one: electors on one lease, in a time of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/lease_api.rs"]
mod lease_api;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use lease_api::{Fault, LeaseApi, Link};
use operator::process::leader::{Elector, Leadership, Timing, identity};
use rstest::rstest;
use serde_json::json;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// A second for what no election can avoid: requests.
const LEASE: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(2);

/// A replica of the operator, as far as the election goes.
struct Replica {
    link: Link,
    leadership: Leadership,
    resign: CancellationToken,
    task: JoinHandle<()>,
}

fn replica(api: &LeaseApi, name: &str) -> Replica {
    let link = Link::default();
    let elector = Elector {
        api: api.leases(&link),
        name: "lease".into(),
        identity: identity(Some(name)),
        timing: Timing::default(),
    };
    let resign = CancellationToken::new();
    let (leadership, task) = elector.spawn(resign.clone());
    Replica { link, leadership, resign, task }
}

impl Replica {
    /// How long it takes until it leads.
    async fn leads(&self) -> Duration {
        let began = Instant::now();
        let mut leadership = self.leadership.clone();
        timeout(Duration::from_mins(1), leadership.gained()).await.expect("it does not come to lead");
        began.elapsed()
    }
}

/// A leader and a standby that has seen it.
async fn two(api: &LeaseApi) -> (Replica, Replica) {
    let first = replica(api, "first");
    first.leads().await;
    let second = replica(api, "second");
    second.leadership.clone().known().await;
    // Anywhere between two renewals.
    sleep(Duration::from_millis(fastrand::u64(4000..8000))).await;
    assert!(first.leadership.is_leading() && !second.leadership.is_leading());
    (first, second)
}

#[rstest]
#[case::refused(Fault::Refuse)]
#[case::hanging(Fault::Hang)]
#[case::answers_lost(Fault::LoseAnswer)]
#[case::late(Fault::Late(Duration::from_secs(7)))]
#[tokio::test(start_paused = true)]
async fn a_holder_cut_off_steps_down_before_another_leads(#[case] fault: Fault) {
    for _ in 0..20 {
        let api = LeaseApi::default();
        let (first, second) = two(&api).await;
        first.link.set(fault);
        let cut = Instant::now();
        let mut leadership = first.leadership.clone();
        let others_from = leadership.lost().await;
        assert!(cut.elapsed() <= Timing::default().renew_deadline, "{:?}", cut.elapsed());
        second.leads().await;
        assert!(!first.leadership.is_leading(), "two leaders");
        assert!(Instant::now() >= others_from, "the first was promised more time for what it had begun");
        first.link.set(Fault::None);
        sleep(LEASE * 2).await;
        assert!(second.leadership.is_leading() && !first.leadership.is_leading());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_killed_is_succeeded_within_the_lease_and_2_s() {
    for _ in 0..20 {
        let api = LeaseApi::default();
        let (first, second) = two(&api).await;
        first.task.abort();
        let took = second.leads().await;
        assert!(took <= LEASE + RETRY, "{took:?}");
        assert!(took + RETRY > LEASE, "the lease was not respected: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_ends_releases_the_lease_and_is_succeeded_within_2_s() {
    for _ in 0..20 {
        let api = LeaseApi::default();
        let (first, second) = two(&api).await;
        first.resign.cancel();
        first.task.await.unwrap();
        // The second may have looked at the very moment of the release.
        assert!(api.holder().is_none_or(|holder| holder.starts_with("second_")));
        assert!(!first.leadership.is_leading());
        let took = second.leads().await;
        assert!(took <= RETRY, "{took:?}");
        assert_eq!(api.get().unwrap()["spec"]["leaseTransitions"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_ends_leaves_the_lease_alone() {
    let api = LeaseApi::default();
    let (first, second) = two(&api).await;
    second.resign.cancel();
    second.task.await.unwrap();
    assert!(api.holder().unwrap().starts_with("first_"));
    assert!(first.leadership.is_leading());
}

#[rstest]
#[case::long_ago("1970-01-01T00:00:00.000000Z")]
#[case::in_the_future("2999-01-01T00:00:00.000000Z")]
#[tokio::test(start_paused = true)]
async fn the_times_in_the_lease_decide_nothing(#[case] time: &str) {
    let api = LeaseApi::default();
    api.put(&json!({"holderIdentity": "other", "leaseDurationSeconds": 15, "acquireTime": time, "renewTime": time}));
    let took = replica(&api, "ours").leads().await;
    assert!(took >= LEASE, "taken from a holder that may live: {took:?}");
    assert!(took <= LEASE + RETRY, "{took:?}");
}

#[rstest]
#[case::an_hour_ahead(3600)]
#[case::an_hour_behind(-3600)]
#[tokio::test(start_paused = true)]
async fn a_holder_with_another_clock_is_left_alone_while_it_renews(#[case] skew: i64) {
    let api = LeaseApi::default();
    let renew = |second: i64| {
        let time = Timestamp::from_second(1_700_000_000 + skew + second).unwrap().to_string();
        api.put(&json!({"holderIdentity": "other", "leaseDurationSeconds": 15, "acquireTime": time, "renewTime": time}));
    };
    renew(0);
    let ours = replica(&api, "ours");
    for second in 1..60 {
        sleep(Duration::from_secs(2)).await;
        renew(2 * second);
        assert!(!ours.leadership.is_leading(), "taken from one that renews");
    }
    let took = ours.leads().await;
    assert!(took + RETRY > LEASE && took <= LEASE + RETRY, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_race_for_the_lease_does_not_lead() {
    let api = LeaseApi::default();
    api.put(&json!({"holderIdentity": ""}));
    api.race_the_next_write();
    let ours = replica(&api, "ours");
    ours.leadership.clone().known().await;
    assert!(!ours.leadership.is_leading());
    assert!(ours.leads().await <= RETRY);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_write_to_the_lease_does_not_end_the_term() {
    let api = LeaseApi::default();
    let (first, _second) = two(&api).await;
    api.race_the_next_write();
    let lost = timeout(LEASE * 2, first.leadership.clone().lost()).await;
    assert!(lost.is_err(), "one conflict is no loss");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_away_ends_the_term_at_once() {
    let api = LeaseApi::default();
    let (first, _second) = two(&api).await;
    api.put(&json!({"holderIdentity": "thief", "leaseDurationSeconds": 15}));
    let others_from = timeout(RETRY, first.leadership.clone().lost()).await.expect("it goes on leading");
    assert!(others_from <= Instant::now(), "there is no time left to finish anything");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_left_to_its_holder() {
    for _ in 0..20 {
        let api = LeaseApi::default();
        let (first, second) = two(&api).await;
        api.delete();
        sleep(LEASE).await;
        assert!(api.holder().unwrap().starts_with("first_"));
        assert!(first.leadership.is_leading() && !second.leadership.is_leading());
    }
}

/// Links break and mend, processes die and come anew, at random. Whoever comes to lead looks
/// whether anybody else does.
#[rstest]
fn never_two_leaders_whatever_happens(#[values(0, 1, 2, 3)] part: u64) {
    for seed in part * 10..(part + 1) * 10 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(random_schedule(seed));
    }
}

async fn random_schedule(seed: u64) {
    // The electors' own chance is of this thread as well.
    fastrand::seed(seed);
    let api = LeaseApi::default();
    let mut replicas: Vec<_> = (0..3).map(|number| replica(&api, &number.to_string())).collect();
    let mut changes = 0;
    for _ in 0..60 {
        let chosen = &mut replicas[fastrand::usize(..3)];
        match fastrand::u8(..12) {
            0 => chosen.link.set(Fault::Refuse),
            1 | 2 => chosen.link.set(Fault::Hang),
            3 => chosen.link.set(Fault::LoseAnswer),
            4 => chosen.link.set(Fault::Late(Duration::from_millis(fastrand::u64(..20_000)))),
            5 => {
                chosen.task.abort();
                *chosen = replica(&api, "again");
            }
            6 => {
                chosen.resign.cancel();
                let _ = (&mut chosen.task).await;
                *chosen = replica(&api, "next");
            }
            7 => api.race_the_next_write(),
            _ => chosen.link.set(Fault::None),
        }
        let mut before = None;
        for _ in 0..fastrand::u32(..320) {
            sleep(Duration::from_millis(25)).await;
            let leaders: Vec<_> = (0..3).filter(|i| replicas[*i].leadership.is_leading()).collect();
            assert!(leaders.len() <= 1, "seed {seed}: {leaders:?} lead at once");
            changes += usize::from(leaders != *before.get_or_insert(leaders.clone()));
            before = Some(leaders);
        }
    }
    assert!(changes > 0, "seed {seed}: nothing happened, the test is blind");
    for replica in &replicas {
        replica.link.set(Fault::None);
    }
    sleep(LEASE + RETRY + Timing::default().renew_deadline).await;
    assert!(replicas.iter().any(|replica| replica.leadership.is_leading()), "seed {seed}: nobody leads");
}
