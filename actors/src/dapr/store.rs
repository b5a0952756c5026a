//! The ring and the snapshot as rows of the sidecar's state store, written first-write-wins.

use dapr::dapr::proto::{
    common::v1::{Etag as WireEtag, StateItem, StateOptions, state_options},
    runtime::v1::{GetBulkStateRequest, GetStateRequest, SaveStateRequest},
};
use tokio::time::{Duration, timeout};
use tonic::{Code, Status};

use super::{APPEND_MS, Dapr, LOAD_MS, actor_id, within};
use crate::{
    host::{Etag, Expect, Record, SLOTS, Stored, Unavailable, WriteError},
    message::key::Key,
};

/// What PostgreSQL's component says when a first-write insert meets a row.
const ROW_IS_THERE: &str = "no item was updated";
/// What the sidecar says when a row has another ETag.
const ETAG_DIFFERS: &str = "etag mismatch";

/// The row of a slot.
pub(super) fn slot_key(key: &Key, index: u64) -> String {
    format!("{}/{}/slot/{index}", key.kind, actor_id(key))
}

/// The row of the snapshot.
pub(super) fn snap_key(key: &Key) -> String {
    format!("{}/{}/snap", key.kind, actor_id(key))
}

impl Dapr {
    /// One bulk read of everything an actor has.
    pub(super) async fn load_record(&self, key: &Key) -> Result<Record, Unavailable> {
        let snap = snap_key(key);
        let slots = format!("{}/{}/slot/", key.kind, actor_id(key));
        let mut keys = vec![snap.clone()];
        keys.extend((0..SLOTS).map(|index| format!("{slots}{index}")));
        let request = GetBulkStateRequest {
            store_name: self.options.state_store.clone(),
            parallelism: i32::try_from(keys.len()).unwrap_or(i32::MAX),
            keys,
            metadata: Default::default(),
        };
        let mut client = self.client.clone();
        let answer = within(LOAD_MS, client.get_bulk_state(request)).await?.into_inner();
        let mut record = Record::default();
        for item in answer.items {
            if !item.error.is_empty() {
                return Err(Unavailable(format!("{}: {}", item.key, item.error)));
            }
            let Some(row) = stored(item.data, item.etag) else { continue };
            if item.key == snap {
                record.snap = Some(row);
            } else if let Some(index) = item.key.strip_prefix(&slots).and_then(|i| i.parse().ok()) {
                record.slots.push((index, row));
            }
        }
        Ok(record)
    }

    /// One row, strongly consistent.
    pub(super) async fn read(&self, row: String) -> Result<Option<Stored>, Unavailable> {
        let request = GetStateRequest {
            store_name: self.options.state_store.clone(),
            key: row,
            consistency: state_options::StateConsistency::ConsistencyStrong.into(),
            metadata: Default::default(),
        };
        let mut client = self.client.clone();
        let answer = within(LOAD_MS, client.get_state(request)).await?.into_inner();
        Ok(stored(answer.data, answer.etag))
    }

    /// One statement: insert if absent, or replace by ETag.
    pub(super) async fn write(
        &self,
        row: String,
        bytes: Vec<u8>,
        expect: Expect,
    ) -> Result<(), WriteError> {
        let etag = match expect {
            Expect::Absent => None,
            Expect::Etag(Etag(value)) => Some(WireEtag { value }),
        };
        let options = StateOptions {
            concurrency: state_options::StateConcurrency::ConcurrencyFirstWrite.into(),
            consistency: state_options::StateConsistency::ConsistencyStrong.into(),
        };
        let item = StateItem {
            key: row,
            value: bytes,
            etag,
            metadata: Default::default(),
            options: Some(options),
        };
        let request =
            SaveStateRequest { store_name: self.options.state_store.clone(), states: vec![item] };
        let mut client = self.client.clone();
        match timeout(Duration::from_millis(APPEND_MS), client.save_state(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) if is_refusal(&status) => Err(WriteError::Refused),
            Ok(Err(status)) => Err(WriteError::Unknown(status.message().to_owned())),
            Err(_) => Err(WriteError::Unknown(format!("no answer within {APPEND_MS} ms"))),
        }
    }
}

/// True where the store has said that it did not write because the row is not as expected.
fn is_refusal(status: &Status) -> bool {
    let said = status.message();
    said.contains(ROW_IS_THERE) || (status.code() == Code::Aborted && said.contains(ETAG_DIFFERS))
}

/// A row as read; an absent one has neither content nor ETag.
fn stored(bytes: Vec<u8>, etag: String) -> Option<Stored> {
    (!bytes.is_empty() || !etag.is_empty()).then_some(Stored { bytes, etag: Etag(etag) })
}
