//! What holds whatever happens, in whatever order.

use proptest::prelude::*;

use super::*;

/// What happens between the list and the rule.
#[derive(Clone, Debug)]
enum Net {
    /// Hours pass, and what is due rings.
    Pass(i64),
    /// The list hears every ring so far and says what the rule is now.
    Settle,
    /// The list says what it said last, late and again.
    Repeat,
    /// The list skips its next start.
    Skip,
}

proptest! {
    #[test]
    fn each_start_rings_once_in_order_whatever_is_heard_when(
        steps in prop::collection::vec(
            prop_oneof![
                4 => (1..60_i64).prop_map(Net::Pass),
                3 => Just(Net::Settle),
                2 => Just(Net::Repeat),
                1 => Just(Net::Skip),
            ],
            0..40,
        ),
    ) {
        let key = key();
        let mut list = daily(json!({}));
        let (mut state, mut rung) = (Recurrence::default(), Vec::new());
        let mut now = stamp("2026-03-01T09:00Z");
        let hear = |state: &mut Recurrence, list: &RuleState, now| {
            let at = moment(&key, now);
            let effects = state.receive(&key, &[item(list.clone())], &at);
            effects.events.iter().for_each(|event| state.evolve(event, &at));
        };
        hear(&mut state, &list, now);
        for step in steps {
            match step {
                Net::Pass(hours) => now = now.plus(hours * 3_600_000),
                Net::Settle => if let Some(last) = rung.last().copied() {
                    list = with(&list, |it| it.last = Some(last));
                    hear(&mut state, &list, now);
                },
                Net::Repeat => hear(&mut state, &list, now),
                Net::Skip => if let Some((next, _)) = state.next {
                    list = with(&list, |it| it.skips.push(next));
                    hear(&mut state, &list, now);
                },
            }
            let at = moment(&key, now);
            while let Some(alarm) = state.alarm().filter(|alarm| *alarm <= now) {
                let effects = state.wake(alarm, &at);
                effects.events.iter().for_each(|event| state.evolve(event, &at));
                for (_, _, value) in effects.syncs {
                    let Value::Ring(start) = value else { panic!("{value:?}") };
                    prop_assert!(rings_at(&list, start) <= alarm);
                    rung.push(start);
                }
            }
        }
        let due: Vec<Local> = following(&list, list.series.start)
            .take_while(|(_, moment)| *moment <= now)
            .map(|(start, _)| start)
            .collect();
        prop_assert_eq!(rung, due);
    }
}
