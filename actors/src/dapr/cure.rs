//! The cure of two faults of the SDK's actor runtime.
//!
//! It may make two instances of one id when two first calls come at once, and its macro frees an instance under a call
//! that is running when a deactivation comes. Here every instance comes from [`Living`], which gives the one that lives,
//! and [`hold`] keeps it alive from before the SDK looks it up until the answer is there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use axum::{
    extract::{RawPathParams, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Entries of instances that have gone, beyond which they are swept out.
const GONE_MAX: usize = 1_024;

/// Makes the instance of an id; `None` for an id that is not one of ours.
type Make<T> = dyn Fn(&str) -> Option<T> + Send + Sync;

/// The instances of one type that live, by id.
pub(super) struct Living<T> {
    make: Box<Make<T>>,
    instances: Mutex<Instances<T>>,
}

struct Instances<T> {
    by_id: HashMap<String, Weak<T>>,
    /// Entries at which those that have gone are swept out.
    sweep_at: usize,
}

impl<T> Living<T> {
    /// None lives yet.
    pub(super) fn new(make: impl Fn(&str) -> Option<T> + Send + Sync + 'static) -> Arc<Self> {
        let instances = Instances { by_id: HashMap::new(), sweep_at: GONE_MAX };
        Arc::new(Self { make: Box::new(make), instances: Mutex::new(instances) })
    }

    /// The one instance of an id: the one that lives, else a new one.
    pub(super) fn get(&self, id: &str) -> Option<Arc<T>> {
        // Nothing panics while it is held.
        let mut instances = self.instances.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lives) = instances.by_id.get(id).and_then(Weak::upgrade) {
            return Some(lives);
        }
        let made = Arc::new((self.make)(id)?);
        instances.by_id.insert(id.to_owned(), Arc::downgrade(&made));
        if instances.by_id.len() > instances.sweep_at {
            instances.by_id.retain(|_, instance| instance.strong_count() > 0);
            instances.sweep_at = instances.by_id.len() * 2 + GONE_MAX;
        }
        Some(made)
    }
}

/// The layer around the SDK's routes of one type: keeps the instance that a call is for alive until the answer is there.
pub(super) async fn hold<T: Send + Sync + 'static>(
    State(living): State<Arc<Living<T>>>,
    params: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let id = params.iter().find(|(name, _)| *name == "actor_id").map(|(_, id)| id);
    let Some(held) = id.and_then(|id| living.get(id)) else {
        return (StatusCode::BAD_REQUEST, "no actor has this id").into_response();
    };
    let answer = next.run(request).await;
    drop(held);
    answer
}

#[cfg(test)]
mod tests;
