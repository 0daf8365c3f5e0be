//! What changes of a condition when it is written again.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The new conditions with the old times where a condition's status did not flip.
pub fn with_old_times(old: &[Condition], mut new: Vec<Condition>) -> Vec<Condition> {
    for condition in &mut new {
        if let Some(before) = old.iter().find(|c| c.type_ == condition.type_)
            && before.status == condition.status
        {
            condition.last_transition_time = before.last_transition_time.clone();
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::with_old_times;
    use crate::api::{ConditionType::Ready, Reason, condition};
    use k8s_openapi::jiff::Timestamp;

    #[test]
    fn the_time_moves_only_when_the_status_flips() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let old = vec![condition(Ready, Some(false), Reason::Pending, "", 1, at(1))];
        let same =
            with_old_times(&old, vec![condition(Ready, Some(false), Reason::RollingOut, "x", 2, at(2))]);
        assert_eq!(same[0].last_transition_time.0, at(1));
        assert_eq!((&*same[0].message, same[0].observed_generation), ("x", Some(2)));
        let flipped =
            with_old_times(&old, vec![condition(Ready, Some(true), Reason::AllReplicasReady, "", 2, at(2))]);
        assert_eq!(flipped[0].last_transition_time.0, at(2));
    }
}
