use actors::message::{event::CloudEvent, time::Timestamp};
use serde_json::json;

use super::*;
use crate::views::testing::on_both;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Events of a user's list in turns `from` to `to`.
fn events(user: &str, from: u64, to: u64) -> Vec<CloudEvent> {
    let event = |sequence: u64| {
        json!({
            "id": format!("{user}-{sequence}"), "type": "task.updated", "partitionkey": user,
            "time": "2027-01-01T00:00:00.000Z", "sequence": format!("{sequence:020}"),
            "actor": format!("TaskListActor/{user}"), "index": "0",
            "data": {"user_id": user, "task_id": "t", "sequence": sequence},
        })
    };
    (from..=to).map(|sequence| serde_json::from_value(event(sequence)).unwrap()).collect()
}

async fn happen(live: &Live, views: &Views, user: &str, from: u64, to: u64) {
    for event in events(user, from, to).chunks(50) {
        live.tell(views.apply(event, None, NOW).await.unwrap());
    }
}

fn ordinals(next: &Next) -> Vec<i64> {
    match next {
        Next::Messages(messages) => messages.iter().map(|message| message.ordinal).collect(),
        other => panic!("{other:?} are no messages"),
    }
}

async fn a_stream_sees_each_message_once_from_memory_or_from_the_views(views: &Views) {
    let live = Live::default();
    happen(&live, views, "ann", 1, 300).await;
    let mut stream = live.join(views, "ann").unwrap();
    stream.go_to(10);
    happen(&live, views, "ann", 301, 400).await;
    happen(&live, views, "bob", 1, 3).await;
    let mut seen = Vec::new();
    while seen.len() < 390 {
        seen.extend(ordinals(&stream.next().await.unwrap()));
    }
    assert_eq!(seen, (11..=400).collect::<Vec<i64>>());
    happen(&live, views, "ann", 401, 401).await;
    assert_eq!(ordinals(&stream.next().await.unwrap()), [401]);
}

async fn a_slow_stream_is_reset_and_goes_on_from_now_while_memory_stays_bounded(views: &Views) {
    let live = Live::default();
    let mut stream = live.join(views, "ann").unwrap();
    stream.go_to_now().await.unwrap();
    happen(&live, views, "ann", 1, 1).await;
    assert_eq!(ordinals(&stream.next().await.unwrap()), [1]);
    // It was up to date once; then it does not read for long.
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(20), stream.next()).await.is_err()
    );
    happen(&live, views, "ann", 2, 1_002).await;
    assert!(live.users.lock().unwrap()["ann"].tail.len() <= TAIL_MAX);
    let reset = stream.next().await.unwrap();
    assert!(matches!(reset, Next::Reset(Reset::Slow, 1_002)), "{reset:?}");
    happen(&live, views, "ann", 1_003, 1_003).await;
    assert_eq!(ordinals(&stream.next().await.unwrap()), [1_003]);
}

async fn a_place_that_nobody_keeps_is_lost(views: &Views) {
    let live = Live::default();
    happen(&live, views, "ann", 1, 5).await;
    views.forget_messages(Timestamp(NOW.0 + crate::views::MESSAGES_KEPT_MS)).await.unwrap();
    for place in [2, 99] {
        let mut stream = live.join(views, "ann").unwrap();
        stream.go_to(place);
        assert!(matches!(stream.next().await.unwrap(), Next::Reset(Reset::Lost, 5)));
    }
    assert!(live.users.lock().unwrap().is_empty());
}

async fn streams_are_counted_and_end_when_the_process_stops(views: &Views) {
    let live = Live::default();
    let mut streams: Vec<Stream> =
        (0..USER_STREAMS_MAX).map(|_| live.join(views, "ann").unwrap()).collect();
    assert!(live.join(views, "ann").is_none());
    assert!(live.join(views, "bob").is_some());
    streams.pop();
    assert!(live.join(views, "ann").is_some());
    live.close();
    assert!(matches!(streams[0].next().await.unwrap(), Next::End));
}

async fn what_another_process_writes_is_seen_too(views: &Views) {
    let live = Live::default();
    let hearing = tokio::spawn(live.clone().hear_others(views.clone()));
    let mut stream = live.join(views, "ann").unwrap();
    stream.go_to_now().await.unwrap();
    let other = Live::default();
    for n in 1..=3 {
        // The other process tells its own streams alone; of SQLite there is only one process.
        happen(if matches!(views, Views::Sqlite(_)) { &live } else { &other }, views, "ann", n, n)
            .await;
        let next = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
        assert_eq!(ordinals(&next.unwrap().unwrap()), [n.cast_signed()]);
    }
    happen(&live, views, "ann", 4, 4).await;
    happen(&other, views, "ann", 5, 5).await;
    happen(&live, views, "ann", 6, 6).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(ordinals(&stream.next().await.unwrap()));
    }
    assert_eq!(seen, [4, 5, 6]);
    // The other process goes on with what this one began, as where Kafka moves a partition.
    happen(if matches!(views, Views::Sqlite(_)) { &live } else { &other }, views, "ann", 7, 7)
        .await;
    let next = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert_eq!(ordinals(&next.expect("it is told").unwrap()), [7]);
    live.close();
    hearing.await.unwrap();
}

on_both! {
    what_another_process_writes_is_seen_too
    a_stream_sees_each_message_once_from_memory_or_from_the_views
    a_slow_stream_is_reset_and_goes_on_from_now_while_memory_stays_bounded
    a_place_that_nobody_keeps_is_lost
    streams_are_counted_and_end_when_the_process_stops
}
