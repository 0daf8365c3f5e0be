//! Whatever goes wrong between the operator and the API server while a Microservice lives, it comes to
//! the same objects as when nothing does, with the same rollouts.
//!
//! An arm of the matrix is one fault at one place; each has a namespace and operators of its own.
//! `E2E_FAULTS=all` tries all of them, which takes some minutes; without it there are those that
//! cover every write and every fault once.

mod life;
mod mortal;
mod plan;
mod relay;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use e2e::{Case, Settings};
use futures::{StreamExt, stream};
use http::StatusCode;
use tokio::sync::OnceCell;

use life::Objects;
use plan::{Disturbance, Fault, Faults, Hits, Moment, Plan, Refusal};

/// Arms at the same time.
const SIDE_BY_SIDE: usize = 8;

/// In which a step comes to its end.
const LIMIT: Duration = Duration::from_mins(2);

/// After which a silent watch is given up.
const SILENCE: Duration = Duration::from_secs(295);

/// What there is after each step when nothing goes wrong, and how many writes each step takes.
static UNDISTURBED: OnceCell<Vec<(Objects, usize)>> = OnceCell::const_new();

async fn undisturbed() -> Result<&'static Vec<(Objects, usize)>> {
    UNDISTURBED
        .get_or_try_init(async || {
            let mut found = Vec::new();
            e2e::run("no-fault", async |case| {
                let faults = Arc::new(Faults::new(Plan::default()));
                with_operators(case, &faults, async || {
                    found = life::undisturbed(case, &faults).await?;
                    Ok(())
                })
                .await
            })
            .await?;
            Ok(found)
        })
        .await
}

/// With one operator after the other in the test's namespace.
async fn with_operators(
    case: &Case,
    faults: &Arc<Faults>,
    life: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    case.keep_installed_operator_out().await?;
    life::put_foreign_objects(case).await?;
    tokio::select! {
        never = mortal::operators(case, faults.clone()) => match never? {},
        lived = life() => lived,
    }
}

/// Tries the arms, each with a name; all of them, also when some fail.
async fn matrix(arms: Vec<(String, Plan)>, limit: Duration) -> Result<()> {
    let expected: Vec<Objects> = undisturbed().await?.iter().map(|(objects, _)| objects.clone()).collect();
    let count = arms.len();
    let failed: Vec<String> = stream::iter(arms)
        .map(|(name, plan)| {
            let expected = &expected;
            async move {
                let began = std::time::Instant::now();
                let faults = Arc::new(Faults::new(plan));
                let outcome = e2e::run("fault", async |case| {
                    with_operators(case, &faults, async || {
                        life::disturbed(case, &faults, expected, limit).await
                    })
                    .await
                })
                .await;
                println!("{name}: {} faults, {:.1?}", faults.hits(), began.elapsed());
                let outcome = outcome.and_then(|()| {
                    ensure!(faults.hits() > 0, "nothing went wrong: the arm tests nothing");
                    Ok(())
                });
                outcome.err().map(|error| format!("{name}: {error:#}"))
            }
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .filter_map(async |failed| failed)
        .collect()
        .await;
    ensure!(failed.is_empty(), "{} of {count} arms:\n{}", failed.len(), failed.join("\n"));
    Ok(())
}

/// The number of writes that the longest step takes.
async fn most_writes() -> Result<usize> {
    undisturbed().await?.iter().map(|(_, writes)| *writes).max().context("no steps")
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn an_operator_that_dies_at_any_write_is_succeeded() -> Result<()> {
    let all = Settings::from_env()?.all_faults;
    let mut arms = Vec::new();
    for fault in [Fault::Dies(Moment::Before), Fault::Dies(Moment::After)] {
        // Each life is one chain of deaths: the next operator comes one write further.
        let steps = undisturbed().await?.iter().enumerate().filter(|(_, (_, writes))| *writes > 0);
        arms.extend(steps.map(|(step, _)| {
            let plan = Plan { writes: Some((Hits::EachOnce, fault)), step: Some(step), ..Plan::default() };
            (format!("{fault:?} each of step {step}"), plan)
        }));
        if all {
            arms.extend(nth(fault, most_writes().await?));
        }
    }
    matrix(arms, LIMIT).await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn a_write_that_fails_is_done_later() -> Result<()> {
    let all = Settings::from_env()?.all_faults;
    let faults = [
        Fault::Refused(StatusCode::CONFLICT),
        Fault::Refused(StatusCode::TOO_MANY_REQUESTS),
        Fault::Refused(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Refused(StatusCode::SERVICE_UNAVAILABLE),
        Fault::Cut(Moment::Before),
        Fault::Cut(Moment::After),
        Fault::Late(Duration::from_millis(1500)),
        Fault::Silence,
    ];
    let mut arms = Vec::new();
    for fault in faults {
        // A reconcile gives up after a minute of silence: once for each write would take long.
        if fault != Fault::Silence {
            arms.push((
                format!("{fault:?} each"),
                Plan { writes: Some((Hits::EachOnce, fault)), ..Plan::default() },
            ));
        }
        if all {
            arms.extend(nth(fault, most_writes().await?));
        }
    }
    matrix(arms, LIMIT).await
}

#[tokio::test]
#[ignore = "needs a cluster"]
async fn watches_and_lists_that_fail_are_begun_anew() -> Result<()> {
    let all = Settings::from_env()?.all_faults;
    let refused = |code| Some((Refusal::Status(code), 1));
    let arms = [
        ("cut", Disturbance::Cut, None),
        ("410 as an event", Disturbance::Gone, None),
        ("410 as the answer", Disturbance::Cut, refused(StatusCode::GONE)),
        ("500 for lists", Disturbance::Gone, refused(StatusCode::INTERNAL_SERVER_ERROR)),
        ("no answer", Disturbance::Cut, Some((Refusal::Cut, 1))),
        ("silent", Disturbance::Silence, None),
    ];
    let mut plans = Vec::new();
    for (name, watches, reads) in arms {
        let steps = 0..life::steps().len();
        // One that fails often is begun anew ever later.
        let tried = match (watches, all) {
            (Disturbance::Silence, false) => 0..0,
            (_, true) => steps,
            (_, false) => steps.end - 1..steps.end,
        };
        plans.extend(tried.map(|step| {
            let plan = Plan { watches: Some(watches), reads, step: Some(step), ..Plan::default() };
            (format!("watches in step {step}: {name}"), plan)
        }));
    }
    matrix(plans, if all { LIMIT + SILENCE } else { LIMIT }).await
}

fn nth(fault: Fault, writes: usize) -> impl Iterator<Item = (String, Plan)> {
    (0..writes).map(move |nth| {
        (
            format!("{fault:?} at write {nth}"),
            Plan { writes: Some((Hits::Nth(nth), fault)), ..Plan::default() },
        )
    })
}
