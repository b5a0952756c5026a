//! A bounded map that forgets what was not touched for longest: two generations, no clock.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
};

/// Shards, so that requests of different users seldom wait for one another.
const SHARDS: usize = 16;

/// Remembers at least the last `most` keys that were touched, and at most twice as many.
pub(crate) struct Recent<K, V> {
    hasher: RandomState,
    shards: Vec<Mutex<Generations<K, V>>>,
    young_max: usize,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// A map that remembers at least `most` keys.
    pub(crate) fn new(most: usize) -> Self {
        let empty = || Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() });
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| empty()).collect(),
            young_max: most.div_ceil(SHARDS).max(1),
        }
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &Mutex<Generations<K, V>> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }

    /// The value of a key, as a copy.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
        V: Clone,
    {
        let shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        shard.young.get(key).or_else(|| shard.old.get(key)).cloned()
    }

    /// Changes the value of a key, which is made where there is none.
    pub(crate) fn update<R>(&self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let mut shard = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        let Generations { young, old } = &mut *shard;
        if let Some(value) = young.get_mut(&key) {
            return change(value);
        }
        // Taken along before a generation goes, or it would go with it.
        let value = old.remove(&key).unwrap_or_default();
        if young.len() >= self.young_max {
            *old = std::mem::take(young);
        }
        change(young.entry(key).or_insert(value))
    }

    /// Sets the value of a key.
    pub(crate) fn set(&self, key: K, value: V)
    where
        V: Default,
    {
        self.update(key, |at| *at = value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_touched_lately_is_remembered_and_the_rest_is_bounded() {
        let map: Recent<u32, u32> = Recent::new(160);
        for key in 0..10_000 {
            map.set(key, key + 1);
            assert_eq!(map.get(&key), Some(key + 1));
        }
        let kept = (0..10_000).filter(|key| map.get(key).is_some()).count();
        assert!((160..=16 * 2 * 10).contains(&kept), "{kept}");
    }

    #[test]
    fn an_old_value_is_taken_along_when_it_is_touched() {
        let map: Recent<u32, u32> = Recent::new(1);
        map.set(1, 7);
        for key in 100..130 {
            map.set(key, 0);
            map.update(1, |value| assert_eq!(*value, 7));
        }
    }
}
