//! What holds whatever happens, in whatever order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{prelude::*, sample::Index};

use super::{Step::*, *};

/// A change in the task list, of task `0` or `1` and one of its reminders.
#[derive(Clone, Debug)]
enum Change {
    Add { task: usize, lead: bool, second: i64 },
    TakeOff { task: usize, which: Index },
    SetTime { task: usize, which: Index },
    SetChannels { task: usize, which: Index },
    MoveDue { task: usize, by: i64 },
    ClearDue { task: usize },
    Close { task: usize, reason: Gone },
    Open { task: usize },
}

fn change() -> impl Strategy<Value = Change> {
    let task = 0..2_usize;
    let which = any::<Index>();
    let reason =
        prop_oneof![Just(Gone::TaskCompleted), Just(Gone::TaskCancelled), Just(Gone::TaskDeleted)];
    prop_oneof![
        4 => (task.clone(), any::<bool>(), 0..200_i64)
            .prop_map(|(task, lead, second)| Change::Add { task, lead, second }),
        1 => (task.clone(), which).prop_map(|(task, which)| Change::TakeOff { task, which }),
        2 => (task.clone(), any::<Index>())
            .prop_map(|(task, which)| Change::SetTime { task, which }),
        1 => (task.clone(), any::<Index>())
            .prop_map(|(task, which)| Change::SetChannels { task, which }),
        2 => (task.clone(), 0..60_i64).prop_map(|(task, by)| Change::MoveDue { task, by }),
        1 => task.clone().prop_map(|task| Change::ClearDue { task }),
        2 => (task.clone(), reason).prop_map(|(task, reason)| Change::Close { task, reason }),
        2 => task.prop_map(|task| Change::Open { task }),
    ]
}

/// A task list as far as it speaks of reminders.
#[derive(Clone)]
struct List {
    tasks: Vec<Moments>,
    /// The sequence at each task's last change.
    changed: Vec<u64>,
    sequence: u64,
    ids: u128,
    /// What has come at this second is moved no more, as in the task list.
    now: i64,
}

impl List {
    fn new() -> Self {
        let task = |n| Moments { task: id(n), due: due("2026-01-01"), ..open(&[]) };
        Self {
            tasks: vec![task(1001), task(1002)],
            changed: vec![0, 0],
            sequence: 0,
            ids: 0,
            now: -1,
        }
    }

    fn apply(&mut self, change: &Change) {
        self.sequence += 1;
        // No two settings are alike, as no two moments of a user's clock are.
        let version = 1_000_000 + self.sequence;
        let fresh = Timestamp(100_000 + self.sequence.cast_signed());
        let (&Change::Add { task, .. }
        | &Change::TakeOff { task, .. }
        | &Change::SetTime { task, .. }
        | &Change::SetChannels { task, .. }
        | &Change::MoveDue { task, .. }
        | &Change::ClearDue { task }
        | &Change::Close { task, .. }
        | &Change::Open { task }) = change;
        self.changed[task] = self.sequence;
        let it = &mut self.tasks[task];
        let count = it.reminders.len();
        match change {
            // A closed task takes no new reminders and no new times.
            Change::Add { lead, second, .. } if it.closed.is_none() => {
                self.ids += 1;
                let lead = *lead && it.due.is_some();
                let set = if lead { leading(self.ids, *second) } else { fixed(self.ids, *second) };
                it.reminders.push(SetReminder { version, ..set });
            }
            Change::TakeOff { which, .. } if count > 0 => {
                it.reminders.remove(which.index(count));
            }
            Change::SetTime { which, .. } if count > 0 && it.closed.is_none() => {
                let set = &mut it.reminders[which.index(count)];
                (set.lead_time, set.remind_at, set.version) = (None, fresh, version);
            }
            Change::SetChannels { which, .. } if count > 0 => {
                let set = &mut it.reminders[which.index(count)];
                set.webhook_url = Some(format!("https://example.org/{version}"));
                set.version = version;
            }
            Change::MoveDue { by, .. } => {
                let day = chrono::NaiveDate::from_num_days_from_ce_opt(
                    739_000 + i32::try_from(self.sequence).unwrap(),
                );
                it.due = day.map(Due::Day);
                let now = Timestamp(self.now * 1000);
                let ahead = |set: &&mut SetReminder| set.lead_time.is_some() && set.remind_at > now;
                for set in it.reminders.iter_mut().filter(ahead) {
                    set.remind_at = set.remind_at.plus(by * 1000);
                }
            }
            Change::ClearDue { .. } => {
                it.due = None;
                let (gone, kept) = it.reminders.drain(..).partition(|set| set.lead_time.is_some());
                it.reminders = kept;
                let gone: Vec<SetReminder> = gone;
                it.due_cleared.extend(gone.iter().map(|set| set.id));
            }
            Change::Close { reason, .. } => it.closed = Some(*reason),
            Change::Open { .. } => it.closed = None,
            _ => {}
        }
    }

    /// Everything changed after `confirmed`, oldest change first.
    fn sync(&self, confirmed: u64) -> (u64, Vec<Item>) {
        let mut items: Vec<Item> = self
            .tasks
            .iter()
            .zip(&self.changed)
            .filter(|(_, changed)| **changed > confirmed)
            .map(|(moments, changed)| Item {
                subject: Subject::Task(moments.task),
                value: Value::Moments(moments.clone()),
                sequence: *changed,
            })
            .collect();
        items.sort_by_key(|item| item.sequence);
        (self.sequence, items)
    }
}

/// The actor with the mark that the turn keeps for it.
#[derive(Clone, Default)]
struct Receiver {
    state: Reminders,
    mark: u64,
    turns: u64,
}

impl Receiver {
    fn hear(&mut self, (sequence, items): &(u64, Vec<Item>), now: i64) {
        if *sequence <= self.mark {
            return;
        }
        let above: Vec<Item> =
            items.iter().filter(|item| item.sequence > self.mark).cloned().collect();
        self.turns += 1;
        let key = key();
        let at = moment(&key, now, self.turns);
        for event in self.state.receive(&Key::task_list(&user()), &above, &at).events {
            self.state.evolve(&event, &at);
        }
        self.mark = *sequence;
    }

    fn play(&mut self, now: i64, step: &Step) {
        self.turns += 1;
        play(&mut self.state, now, self.turns, step);
    }

    /// What must not depend on how often and in what order it was heard: all but versions and the reasons of
    /// the past. What was taken off may never have been heard of.
    fn view(&self) -> BTreeMap<Uuid, (Status, Timestamp, Option<Timestamp>, Option<String>)> {
        let set = self.state.records.all().filter(|record| !record.off);
        set.map(|record| {
            let it = &record.reminder;
            (it.id, (it.status, it.remind_at, it.snoozed_until, it.webhook_url.clone()))
        })
        .collect()
    }
}

/// What the network does.
#[derive(Clone, Debug)]
enum Net {
    Change(Change),
    Send,
    /// Delivers any message that was ever sent, again perhaps.
    Deliver(Index),
    /// The sender hears that a delivered message was taken in.
    Confirm(Index),
}

fn net() -> impl Strategy<Value = Net> {
    prop_oneof![
        4 => change().prop_map(Net::Change),
        2 => Just(Net::Send),
        2 => any::<Index>().prop_map(Net::Deliver),
        1 => any::<Index>().prop_map(Net::Confirm),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// But for moments that pass meanwhile: what a reopened task gets back must lie ahead.
    #[test]
    fn syncs_merged_doubled_and_out_of_order_end_where_in_order_ones_do(
        before in prop::collection::vec(change(), 0..12),
        net in prop::collection::vec(net(), 0..40),
    ) {
        let mut list = List::new();
        before.iter().for_each(|change| list.apply(change));
        let mut start = Receiver::default();
        start.hear(&list.sync(0), 50);
        // Some have fired, some of these were put off or seen.
        start.play(60, &Wake(60));
        for (n, step) in [(1, snooze(1, 1)), (2, acknowledge(2)), (4, snooze(4, 9))] {
            if n <= list.ids { start.play(60, &step); }
        }
        let (mut in_order, mut mixed) = (start.clone(), start);
        list.now = 60;
        let (mut confirmed, mut sent, mut taken) = (0, Vec::new(), Vec::new());
        for step in net {
            match step {
                Net::Change(mut change) => {
                    if let Change::Add { second, .. } = &mut change { *second += 61; }
                    list.apply(&change);
                    in_order.hear(&list.sync(list.sequence - 1), 60);
                }
                Net::Send => sent.push(list.sync(confirmed)),
                Net::Deliver(which) if !sent.is_empty() => {
                    let message: &(u64, Vec<Item>) = which.get(&sent);
                    mixed.hear(message, 60);
                    taken.push(message.0);
                }
                Net::Confirm(which) if !taken.is_empty() => {
                    confirmed = confirmed.max(*which.get(&taken));
                }
                _ => {}
            }
        }
        mixed.hear(&list.sync(confirmed), 60);
        prop_assert_eq!(mixed.view(), in_order.view());
        prop_assert_eq!(mixed.state.alarm(), in_order.state.alarm());
    }

    #[test]
    fn nothing_fires_twice_before_its_moment_or_after_its_cancellation(
        steps in prop::collection::vec((0..40_i64, thing()), 0..60),
    ) {
        let (mut list, mut it, mut now) = (List::new(), Receiver::default(), 0);
        let mut armed: BTreeSet<Uuid> = BTreeSet::new();
        for (passed, thing) in steps {
            now += passed;
            it.turns += 1;
            let key = key();
            let at = moment(&key, now, it.turns);
            let (step, alarm) = match thing {
                Thing::List(change) => {
                    list.apply(&change);
                    let task = list.changed.iter().position(|at| *at == list.sequence);
                    (Hear(list.tasks[task.unwrap()].clone()), i64::MIN)
                }
                Thing::Wake(early) => (Wake(now - early), now - early),
                Thing::Snooze(n, minutes) => (snooze(n, minutes), i64::MIN),
                Thing::Acknowledge(n) => (acknowledge(n), i64::MIN),
            };
            let Ok(effects) = effects(&it.state, &step, &at) else { continue };
            for event in &effects.events {
                it.state.evolve(event, &at);
                match event {
                    Event::Scheduled { reminder } | Event::Snoozed { reminder } => {
                        armed.insert(reminder.reminder.id);
                    }
                    Event::Cancelled { reminder } => {
                        armed.remove(&reminder.reminder.id);
                    }
                    Event::Triggered { reminder, .. } => {
                        prop_assert!(armed.remove(&reminder.reminder.id));
                        prop_assert!(reminder.reminder.remind_at <= Timestamp(alarm * 1000));
                    }
                    _ => {}
                }
            }
            check_whole(&it.state);
        }
        // The last alarm of all takes everything that is pending.
        let key = key();
        let at = moment(&key, 10_000_000, it.turns + 1);
        for event in it.state.wake(Timestamp(i64::MAX), &at).events {
            it.state.evolve(&event, &at);
        }
        prop_assert_eq!(it.state.alarm(), None);
    }
}

/// Whatever can happen to the actor.
#[derive(Clone, Debug)]
enum Thing {
    List(Change),
    Wake(i64),
    Snooze(u128, i64),
    Acknowledge(u128),
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        3 => change().prop_map(Thing::List),
        2 => (0..30_i64).prop_map(Thing::Wake),
        1 => (1..9_u128, 1..3_i64).prop_map(|(n, minutes)| Thing::Snooze(n, minutes)),
        1 => (1..9_u128).prop_map(Thing::Acknowledge),
    ]
}

/// The indexes say what the records say, the alarm is the earliest pending moment, and all of it survives saving.
fn check_whole(state: &Reminders) {
    let rebuilt: Records = state.records.all().cloned().collect();
    assert_eq!(rebuilt, state.records);
    let pending = state.records.all().filter(|record| record.reminder.status == Status::Pending);
    assert_eq!(state.alarm(), pending.map(|record| record.reminder.remind_at).min());
    let saved = serde_json::to_string(state).unwrap();
    assert_eq!(&serde_json::from_str::<Reminders>(&saved).unwrap(), state);
    for record in state.records.all() {
        let it = &record.reminder;
        let fired = matches!(it.status, Status::Triggered | Status::Acknowledged);
        assert_eq!(it.triggered_at.is_some(), fired, "{it:?}");
        assert_eq!(record.gone.is_some(), it.status == Status::Cancelled, "{it:?}");
        assert!(it.snoozed_until.is_none_or(|until| until == it.remind_at), "{it:?}");
    }
}
