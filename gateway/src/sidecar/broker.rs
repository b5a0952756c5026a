//! A sidecar that started while Kafka was away has no pub/sub component and gets none. When a broker answers again, it is asked
//! to end, so that whoever keeps it running starts it again, with the component.

use std::time::Duration;

use actors::dapr::Front;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::app::random_id;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);
/// Longest that a broker may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// A host waits up to so many milliseconds more, so that not all sidecars end at once.
const APART_MS: u64 = 3_000;
/// Before the sidecar is asked a second time: the component may be absent for a reason that no start mends.
const AGAIN: Duration = Duration::from_secs(60);
/// Longest wait before it is asked once more.
const AGAIN_MAX: Duration = Duration::from_secs(15 * 60);

/// Looks without end.
pub(super) async fn watch(front: Front, brokers: Vec<String>) {
    let mut again = AGAIN;
    loop {
        sleep(LOOK).await;
        if !matches!(front.has_pubsub().await, Ok(false)) || !any_answers(&brokers).await {
            continue;
        }
        sleep(Duration::from_millis(random_id().as_u64_pair().0 % APART_MS)).await;
        tracing::warn!("the sidecar started without Kafka, which is there: it is to start again");
        if let Err(error) = front.end_sidecar().await {
            tracing::warn!(%error, "the sidecar does not end");
        }
        sleep(again).await;
        again = (again * 2).min(AGAIN_MAX);
    }
}

async fn any_answers(brokers: &[String]) -> bool {
    for broker in brokers {
        if matches!(timeout(ANSWER, TcpStream::connect(broker)).await, Ok(Ok(_))) {
            return true;
        }
    }
    false
}
