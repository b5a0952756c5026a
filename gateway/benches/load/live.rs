//! Many who look at once: each sees the events of its own user only, once and in order, and how long after the answer.

use std::{collections::HashMap, path::Path, time::Duration};

use futures_util::future::join_all;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{percentiles, server::Server, show};

/// Streams, each of a user of its own.
const CLIENTS: usize = 500;
/// Events of each.
const EVENTS: usize = 2;
/// Events a second, over all.
const RATE_PER_S: u32 = 100;
/// Connections that write, each for its share of the users.
const WRITERS: usize = 4;
/// Longest wait for what was not told.
const WAIT: Duration = Duration::from_secs(30);
/// A silent moment after the last event shows what came twice.
const QUIET: Duration = Duration::from_secs(2);

/// Opens the streams, writes, and compares what each was told.
pub(crate) async fn live(dir: &Path) {
    let dir = tempfile::tempdir_in(dir).unwrap();
    let server = Server::named_or_start(dir.path()).await;
    let (told, mut tells) = mpsc::unbounded_channel();
    let mut streams = JoinSet::new();
    // A name that no run before had: each user's messages count from 1.
    let run = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let name = |client: usize| format!("live-{run}-{client}");
    for client in 0..CLIENTS {
        let user = name(client);
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
    let pace = Duration::from_secs(1) / RATE_PER_S;
    let began = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let connecting = server.client();
        async move {
            let mut connection = connecting.await;
            let mut answers = Vec::new();
            let mut planned = began + pace * writer as u32;
            for event in 0..EVENTS {
                for client in (writer..CLIENTS).step_by(WRITERS) {
                    tokio::time::sleep_until(planned).await;
                    planned += pace * WRITERS as u32;
                    connection.create(&name(client)).await;
                    answers.push(((client, event), Instant::now()));
                }
            }
            answers
        }
    });
    let answered: HashMap<(usize, usize), Instant> =
        join_all(writers).await.into_iter().flatten().collect();
    let mut late = Vec::new();
    while late.len() < CLIENTS * EVENTS {
        let (client, event, came): (usize, usize, Instant) =
            tokio::time::timeout(WAIT, tells.recv()).await.expect("all are told").unwrap();
        let answered = answered.get(&(client, event)).expect("only what was written is told");
        late.push(came.saturating_duration_since(*answered));
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
