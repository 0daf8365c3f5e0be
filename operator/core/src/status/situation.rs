use super::verdict::Verdict;
use crate::{
    model::ResolvedMicroservice,
    observed::{Observed, Progress},
    plan::Applied,
};

/// What a verdict on an accepted Microservice is reached by.
pub(super) struct Situation<'a> {
    pub resolved: &'a ResolvedMicroservice,
    pub applied: &'a Applied,
    pub observed: &'a Observed,
    pub progress: &'a Progress,
}

/// Says something if it knows something; else the next one is asked.
pub(super) type Policy = fn(&Situation<'_>) -> Option<Verdict>;

impl Situation<'_> {
    /// The first policy that says something.
    pub fn judge(&self, policies: &[Policy]) -> Option<Verdict> {
        policies.iter().find_map(|policy| policy(self))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::Reason;

    /// What a Microservice of two replicas is seen to be.
    pub struct Scene {
        pub resolved: ResolvedMicroservice,
        pub applied: Applied,
        pub observed: Observed,
        pub progress: Progress,
    }

    impl Scene {
        /// Everything is as wanted.
        pub fn at_rest() -> Self {
            let progress = Progress {
                exists: true,
                seen: true,
                wanted: 2,
                total: 2,
                updated: 2,
                ready: 2,
                available: 2,
                ..Progress::default()
            };
            let (applied, observed) = (Applied::default(), Observed::default());
            Self { resolved: ResolvedMicroservice::example(), applied, observed, progress }
        }

        pub fn situation(&self) -> Situation<'_> {
            let Self { resolved, applied, observed, progress } = self;
            Situation { resolved, applied, observed, progress }
        }

        /// The reason and the words of a policy, after a change; none where it says nothing.
        pub fn says(policy: Policy, change: impl FnOnce(&mut Self)) -> Option<(Reason, String)> {
            let mut scene = Self::at_rest();
            assert_eq!(policy(&scene.situation()), None, "at rest there is nothing to say");
            change(&mut scene);
            policy(&scene.situation()).map(|Verdict(_, reason, words)| (reason, words))
        }
    }
}
