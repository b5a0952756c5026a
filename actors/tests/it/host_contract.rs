//! The promises of a host: one suite, one line per host.

use std::{collections::HashSet, future::Future, time::Duration};

use actors::{
    host::{Etag, Expect, Host, SLOTS, Stored, WriteError},
    message::{
        call::By,
        event::{Event, Fact, Members, Topic},
        key::{Key, UserId},
        sync::{Item, Subject, Sync, Value},
        time::{Local, Timestamp},
    },
};
use uuid::Uuid;

/// Alarms that are armed at once.
const ARMS_AT_ONCE: usize = 50;

/// A running host, with who receives what it delivers.
pub(crate) trait Place: Sized {
    /// The host.
    type Host: Host;
    /// Wakes of different actors come in the order of their moments, however close.
    const WAKES_IN_ORDER: bool = true;
    /// Time in which hundreds of alarms are armed, in milliseconds.
    const ARMING_MS: i64 = 1_000;

    /// Starts one with nothing in it.
    fn start() -> impl Future<Output = Self>;
    /// The host.
    fn host(&self) -> &Self::Host;
    /// The next wake that is delivered; it succeeds unless [`Place::fail_wakes`] was asked.
    fn woken(&mut self) -> impl Future<Output = (Key, Timestamp, Timestamp)>;
    /// Lets that many of the next wakes fail.
    fn fail_wakes(&self, times: usize);
    /// The next sync that is delivered.
    fn told(&mut self) -> impl Future<Output = (Key, Sync)>;
    /// Everything in the log.
    fn log(&self) -> impl Future<Output = Vec<Event>>;
    /// The process is killed and another started.
    fn restart(self) -> impl Future<Output = Self>;
}

/// Runs every promise over one host.
#[macro_export]
macro_rules! host_contract {
    ($name:ident, $place:ty) => {
        $crate::host_contract!($name, $place, if true);
    };
    ($name:ident, $place:ty, if $is_there:expr) => {
        $crate::host_contract!(@promises $name, $place, $is_there;
            a_row_is_read_as_it_was_written
            nothing_is_read_of_an_actor_that_never_wrote
            a_second_insert_is_refused_and_changes_nothing
            a_replacement_with_an_old_etag_is_refused_and_changes_nothing
            a_replacement_of_an_absent_row_is_refused
            of_many_appends_at_once_one_wins
            a_snapshot_is_fenced_like_a_slot
            actors_and_slots_do_not_mix
            an_etag_told_beforehand_is_the_one_read
            a_refused_append_leaves_no_alarm_and_no_event
            what_was_written_outlives_the_process
            an_alarm_wakes_at_its_moment_and_not_before
            an_alarm_outlives_the_process
            alarms_wake_in_order
            an_alarm_of_the_past_wakes_at_once
            of_many_alarms_at_one_moment_each_wakes_once
            a_wake_that_fails_comes_back
            events_of_an_actor_are_in_order
            events_published_twice_are_in_the_log
            a_sync_is_delivered
        );
    };
    (@promises $name:ident, $place:ty, $is_there:expr; $($promise:ident)*) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    if !$is_there {
                        eprintln!("not shown: what this host runs on was not started");
                        return;
                    }
                    let place = <$place as $crate::host_contract::Place>::start().await;
                    $crate::host_contract::$promise(place).await;
                }
            )*
        }
    };
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn list(name: &str) -> Key {
    Key::task_list(&user(name))
}

pub(crate) fn event(key: &Key, sequence: u64, index: usize) -> Event {
    Event {
        id: key.event_id(sequence, index),
        key: key.clone(),
        sequence,
        index,
        time: Timestamp(1_700_000_000_000),
        by: By::system(),
        traceparent: None,
        fact: Fact {
            topic: Topic::TaskEvents,
            kind: "task.created".to_owned(),
            subject: Uuid::from_u128(7),
            cause: None,
            data: Members::default(),
        },
    }
}

/// Appends without alarm or events.
async fn append<H: Host>(
    host: &H,
    key: &Key,
    index: u64,
    entry: &[u8],
    expect: Expect,
) -> Result<(), WriteError> {
    host.append(key, index, entry.to_vec(), expect, None, &[]).await.map(drop)
}

async fn slot<H: Host>(host: &H, key: &Key, index: u64) -> Stored {
    host.slot(key, index).await.unwrap().expect("the slot was written")
}

/// Arms as a turn does: with the append where the host can, else by itself.
async fn append_and_arm<H: Host>(host: &H, key: &Key, moment: Timestamp) {
    let appended = host.append(key, 1, b"a".to_vec(), Expect::Absent, Some(moment), &[]).await;
    if !appended.unwrap().armed {
        host.arm(key, moment).await.unwrap();
    }
}

pub(crate) async fn a_row_is_read_as_it_was_written(place: impl Place) {
    let (host, key) = (place.host(), list("ann"));
    let entry: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    append(host, &key, 5, &entry, Expect::Absent).await.unwrap();
    host.snapshot(&key, b"snap".to_vec(), Expect::Absent).await.unwrap();
    let record = host.load(&key).await.unwrap();
    assert_eq!(record.snap.unwrap().bytes, b"snap");
    assert_eq!(record.slots.len(), 1);
    assert_eq!(record.slots[0].0, 5);
    assert_eq!(record.slots[0].1.bytes, entry);
    assert_eq!(slot(host, &key, 5).await, record.slots[0].1);
}

pub(crate) async fn nothing_is_read_of_an_actor_that_never_wrote(place: impl Place) {
    let record = place.host().load(&list("nobody")).await.unwrap();
    assert!(record.snap.is_none() && record.slots.is_empty());
    assert_eq!(place.host().slot(&list("nobody"), 3).await.unwrap(), None);
}

pub(crate) async fn a_second_insert_is_refused_and_changes_nothing(place: impl Place) {
    let (host, key) = (place.host(), list("ann"));
    append(host, &key, 1, b"first", Expect::Absent).await.unwrap();
    let before = slot(host, &key, 1).await;
    let second = append(host, &key, 1, b"second", Expect::Absent).await;
    assert_eq!(second, Err(WriteError::Refused));
    assert_eq!(slot(host, &key, 1).await, before);
}

pub(crate) async fn a_replacement_with_an_old_etag_is_refused_and_changes_nothing(
    place: impl Place,
) {
    let (host, key) = (place.host(), list("ann"));
    append(host, &key, 1, b"first", Expect::Absent).await.unwrap();
    let first = slot(host, &key, 1).await.etag;
    append(host, &key, 1, b"second", Expect::Etag(first.clone())).await.unwrap();
    let second = slot(host, &key, 1).await;
    assert_ne!(second.etag, first);
    let stale = append(host, &key, 1, b"third", Expect::Etag(first)).await;
    assert_eq!(stale, Err(WriteError::Refused));
    assert_eq!(slot(host, &key, 1).await, second);
}

pub(crate) async fn a_replacement_of_an_absent_row_is_refused(place: impl Place) {
    let (host, key) = (place.host(), list("ann"));
    let other = list("bob");
    append(host, &other, 1, b"his", Expect::Absent).await.unwrap();
    let etag = slot(host, &other, 1).await.etag;
    for etag in [etag, Etag("1".to_owned()), Etag("no number".to_owned())] {
        let write = append(host, &key, 1, b"mine", Expect::Etag(etag)).await;
        assert_eq!(write, Err(WriteError::Refused));
    }
    assert_eq!(host.slot(&key, 1).await.unwrap(), None);
}

pub(crate) async fn of_many_appends_at_once_one_wins(place: impl Place) {
    let (host, key) = (place.host(), list("ann"));
    for round in 0..4 {
        let expect = match host.slot(&key, 1).await.unwrap() {
            Some(slot) => Expect::Etag(slot.etag),
            None => Expect::Absent,
        };
        let race = (0..32).map(|racer| {
            let (host, key, expect) = (host.clone(), key.clone(), expect.clone());
            tokio::spawn(async move {
                let entry = format!("{round} {racer}").into_bytes();
                append(&host, &key, 1, &entry, expect).await.map(|()| entry)
            })
        });
        let mut won = Vec::new();
        for racer in race.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Ok(entry) => won.push(entry),
                Err(error) => assert_eq!(error, WriteError::Refused),
            }
        }
        assert_eq!(won, [slot(host, &key, 1).await.bytes]);
    }
}

pub(crate) async fn a_snapshot_is_fenced_like_a_slot(place: impl Place) {
    let (host, key) = (place.host(), list("ann"));
    let absent = host.snapshot(&key, b"0".to_vec(), Expect::Etag(Etag("1".to_owned()))).await;
    assert_eq!(absent, Err(WriteError::Refused));
    host.snapshot(&key, b"1".to_vec(), Expect::Absent).await.unwrap();
    let again = host.snapshot(&key, b"2".to_vec(), Expect::Absent).await;
    assert_eq!(again, Err(WriteError::Refused));
    let first = host.load(&key).await.unwrap().snap.unwrap();
    assert_eq!(first.bytes, b"1");
    host.snapshot(&key, b"3".to_vec(), Expect::Etag(first.etag.clone())).await.unwrap();
    let stale = host.snapshot(&key, b"4".to_vec(), Expect::Etag(first.etag)).await;
    assert_eq!(stale, Err(WriteError::Refused));
    assert_eq!(host.load(&key).await.unwrap().snap.unwrap().bytes, b"3");
}

pub(crate) async fn actors_and_slots_do_not_mix(place: impl Place) {
    let host = place.host();
    let rule = Uuid::from_u128(9);
    let keys = [
        list("ann"),
        list("ann/b"),
        list(&"\u{1F600}".repeat(128)),
        Key::reminder(&user("ann")),
        Key::recurrence(&user("ann"), rule),
        Key::recurrence(&user("ann/b"), rule),
    ];
    for (at, key) in keys.iter().enumerate() {
        for index in 0..SLOTS {
            let entry = format!("{at} {index}").into_bytes();
            append(host, key, index, &entry, Expect::Absent).await.unwrap();
        }
    }
    for (at, key) in keys.iter().enumerate() {
        let record = host.load(key).await.unwrap();
        assert_eq!(record.slots.len() as u64, SLOTS);
        for (index, slot) in record.slots {
            assert_eq!(slot.bytes, format!("{at} {index}").into_bytes());
        }
    }
}

pub(crate) async fn an_etag_told_beforehand_is_the_one_read(place: impl Place) {
    let (host, key) = (place.host(), list("ann"));
    append(host, &key, 1, b"entry", Expect::Absent).await.unwrap();
    host.snapshot(&key, b"snap".to_vec(), Expect::Absent).await.unwrap();
    let record = host.load(&key).await.unwrap();
    if let Some(etag) = host.etag(b"entry") {
        assert_eq!(record.slots[0].1.etag, etag);
    }
    if let Some(etag) = host.etag(b"snap") {
        assert_eq!(record.snap.unwrap().etag, etag);
    }
}

pub(crate) async fn a_refused_append_leaves_no_alarm_and_no_event(mut place: impl Place) {
    let (key, other) = (list("ann"), list("bob"));
    append(place.host(), &key, 1, b"first", Expect::Absent).await.unwrap();
    let now = place.host().now();
    let events = [event(&key, 1, 0)];
    let refused =
        place.host().append(&key, 1, b"no".to_vec(), Expect::Absent, Some(now), &events).await;
    assert_eq!(refused, Err(WriteError::Refused));
    append_and_arm(place.host(), &other, now.plus(50)).await;
    assert_eq!(place.woken().await.0, other);
    assert_eq!(place.log().await, []);
}

pub(crate) async fn what_was_written_outlives_the_process(place: impl Place) {
    let key = list("ann");
    append(place.host(), &key, 1, b"entry", Expect::Absent).await.unwrap();
    place.host().snapshot(&key, b"snap".to_vec(), Expect::Absent).await.unwrap();
    let before = place.host().load(&key).await.unwrap();
    let place = place.restart().await;
    let after = place.host().load(&key).await.unwrap();
    assert_eq!(after.snap, before.snap);
    assert_eq!(after.slots, before.slots);
    let etag = Expect::Etag(after.slots[0].1.etag.clone());
    append(place.host(), &key, 1, b"next", etag).await.unwrap();
}

pub(crate) async fn an_alarm_wakes_at_its_moment_and_not_before(mut place: impl Place) {
    let key = list("ann");
    let moment = place.host().now().plus(300);
    append_and_arm(place.host(), &key, moment).await;
    let (woken, name, at) = place.woken().await;
    assert_eq!((woken, name), (key, moment));
    assert!(at >= moment, "woken {} ms early", moment.0 - at.0);
    assert!(at.0 - moment.0 < 500, "woken {} ms late", at.0 - moment.0);
}

pub(crate) async fn an_alarm_outlives_the_process(place: impl Place) {
    let keys = [list("ann"), list("bob")];
    let now = place.host().now();
    let moments = [now.plus(700), now.plus(1_500)];
    for (key, moment) in keys.iter().zip(moments) {
        append_and_arm(place.host(), key, moment).await;
    }
    let mut place = place.restart().await;
    for (key, moment) in keys.into_iter().zip(moments) {
        let (woken, name, at) = place.woken().await;
        assert_eq!((woken, name), (key, moment));
        assert!(at >= moment);
    }
}

pub(crate) async fn alarms_wake_in_order(mut place: impl Place) {
    let base = place.host().now().plus(400);
    let mut moments: Vec<_> = (0..20).map(|at| base.plus(at * 37 % 20 * 40)).collect();
    for (at, moment) in moments.iter().enumerate() {
        place.host().arm(&list(&format!("user {at}")), *moment).await.unwrap();
    }
    moments.sort();
    let woken = woken_moments(&mut place, moments.len()).await;
    assert_eq!(woken, moments);
}

async fn woken_moments<P: Place>(place: &mut P, count: usize) -> Vec<Timestamp> {
    let mut woken = Vec::new();
    for _ in 0..count {
        woken.push(place.woken().await.1);
    }
    if !P::WAKES_IN_ORDER {
        woken.sort();
    }
    woken
}

pub(crate) async fn an_alarm_of_the_past_wakes_at_once(mut place: impl Place) {
    let (key, now) = (list("ann"), place.host().now());
    // One far ahead is awaited when the other comes.
    place.host().arm(&key, now.plus(3_600_000)).await.unwrap();
    place.host().arm(&key, now.plus(-5_000)).await.unwrap();
    let (_, name, at) = place.woken().await;
    assert_eq!(name, now.plus(-5_000));
    assert!(at.0 - now.0 < 500);
}

pub(crate) async fn of_many_alarms_at_one_moment_each_wakes_once<P: Place>(mut place: P) {
    let moment = place.host().now().plus(P::ARMING_MS);
    let users: HashSet<Key> = (0..500).map(|at| list(&format!("user {at}"))).collect();
    for some in users.iter().collect::<Vec<_>>().chunks(ARMS_AT_ONCE) {
        let arms = some.iter().map(|key| {
            let (host, key) = (place.host().clone(), (*key).clone());
            tokio::spawn(async move { host.arm(&key, moment).await })
        });
        for arm in arms.collect::<Vec<_>>() {
            arm.await.unwrap().unwrap();
        }
    }
    let mut woken = HashSet::new();
    for _ in 0..users.len() {
        let (key, name, at) = place.woken().await;
        assert!(name == moment && at >= moment);
        assert!(woken.insert(key), "woken twice");
    }
    assert_eq!(woken, users);
    let quiet = tokio::time::timeout(Duration::from_millis(1_500), place.woken()).await;
    assert!(quiet.is_err(), "a wake that has succeeded came again");
}

pub(crate) async fn a_wake_that_fails_comes_back(mut place: impl Place) {
    let (key, moment) = (list("ann"), place.host().now().plus(50));
    place.fail_wakes(2);
    place.host().arm(&key, moment).await.unwrap();
    for _ in 0..3 {
        let (woken, name, _) = place.woken().await;
        assert_eq!((woken, name), (key.clone(), moment));
    }
    let quiet = tokio::time::timeout(Duration::from_millis(1_500), place.woken()).await;
    assert!(quiet.is_err(), "a wake that has succeeded came again");
}

pub(crate) async fn events_of_an_actor_are_in_order(place: impl Place) {
    let (host, keys) = (place.host(), [list("ann"), list("bob")]);
    for sequence in 1..=20 {
        for key in &keys {
            let events: Vec<_> = (0..3).map(|index| event(key, sequence, index)).collect();
            let index = sequence % SLOTS;
            let entry = sequence.to_string().into_bytes();
            let write = host.append(key, index, entry, Expect::Absent, None, &events).await;
            if !write.unwrap().logged {
                host.publish(&events).await.unwrap();
            }
        }
    }
    let log = place.log().await;
    for key in &keys {
        let places: Vec<_> =
            log.iter().filter(|e| e.key == *key).map(|e| (e.sequence, e.index)).collect();
        let all: Vec<_> = (1..=20).flat_map(|s| (0..3).map(move |i| (s, i))).collect();
        assert_eq!(places, all);
    }
}

/// A copy in the log is allowed, a change of order is not.
pub(crate) async fn events_published_twice_are_in_the_log(place: impl Place) {
    let (host, key) = (place.host(), list("ann"));
    let events = [event(&key, 1, 0), event(&key, 1, 1), event(&key, 2, 0)];
    host.publish(&[]).await.unwrap();
    host.publish(&events).await.unwrap();
    host.publish(&events).await.unwrap();
    let mut log = place.log().await;
    log.dedup();
    log.truncate(events.len());
    assert_eq!(log, events);
}

pub(crate) async fn a_sync_is_delivered(mut place: impl Place) {
    let to = list("ann");
    let start = Local::Day(Timestamp(0).utc().date_naive());
    let sync = Sync {
        from: Key::recurrence(&user("ann"), Uuid::from_u128(3)),
        sequence: 4,
        items: vec![Item { subject: Subject::Ring(start), value: Value::Ring(start), sequence: 4 }],
    };
    place.host().sync(&to, &sync).await.unwrap();
    assert_eq!(place.told().await, (to, sync));
}
