//! Many who look at once: each sees the events of its own user only, once and in order, and how long after the answer.

use std::{path::Path, time::Duration};

use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{percentiles, server::Server, show};

/// Streams, each of a user of its own.
const CLIENTS: usize = 500;
/// Events of each.
const EVENTS: usize = 2;
/// Events a second, over all.
const RATE_PER_S: u32 = 100;
/// Longest wait for what was not told.
const WAIT: Duration = Duration::from_secs(30);
/// A silent moment after the last event shows what came twice.
const QUIET: Duration = Duration::from_secs(2);

/// Opens the streams, writes, and compares what each was told.
pub(crate) async fn live(dir: &Path) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let server = Server::start(dir.path()).await;
    let (told, mut tells) = mpsc::unbounded_channel();
    let mut streams = JoinSet::new();
    for client in 0..CLIENTS {
        let user = format!("live-{client}");
        let mut events = server.client().await.watch(&user).await;
        let told = told.clone();
        streams.spawn(async move {
            let mut place = 0;
            while let Some(data) = events.next().await {
                let came = Instant::now();
                place += 1;
                let (own, id) =
                    (format!("\"user_id\":\"{user}\""), format!("{{\"id\":\"{place}\""));
                assert!(data.starts_with(&id), "{user} in order and once: {data}");
                assert!(data.contains(&own), "{user} sees its own: {data}");
                told.send((client, place - 1, came)).unwrap();
            }
        });
    }
    let mut writer = server.client().await;
    let mut answered = vec![[None; EVENTS]; CLIENTS];
    let mut planned = Instant::now();
    for event in 0..EVENTS {
        for (client, answered) in answered.iter_mut().enumerate() {
            planned += Duration::from_secs(1) / RATE_PER_S;
            tokio::time::sleep_until(planned).await;
            writer.create(&format!("live-{client}")).await;
            answered[event] = Some(Instant::now());
        }
    }
    let mut late = Vec::new();
    while late.len() < CLIENTS * EVENTS {
        let (client, event, came): (usize, usize, Instant) =
            tokio::time::timeout(WAIT, tells.recv()).await.expect("all are told").unwrap();
        let answered: Instant =
            answered[client][event].expect("nothing is told that was not written");
        late.push(came.saturating_duration_since(answered));
    }
    assert!(tokio::time::timeout(QUIET, tells.recv()).await.is_err(), "nothing comes twice");
    println!(
        "live, {CLIENTS} clients, {} events at {RATE_PER_S}/s  from answer to message {}",
        late.len(),
        show(percentiles(&mut late)),
    );
    streams.shutdown().await;
    server.stop().await;
}
