//! Resolves each distinct value of a column once, regardless of the number of rows with it.

use std::sync::Arc;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::refusal::Refusal;

/// Values by the bytes they were parsed from, each with a dense code in the order of appearance.
pub(super) struct Interner<V> {
    table: HashTable<u32>,
    keys: Vec<Box<[u8]>>,
    text_bytes: usize,
    /// Shared with the months that are being written; a new value then copies the list, which is rare.
    values: Arc<Vec<V>>,
}

impl<V: Clone> Interner<V> {
    /// The memory of a key without its text: its entries in the table and in both lists, and what an allocation adds.
    const BYTES_OF_A_KEY: usize = 32 + size_of::<Box<[u8]>>() + size_of::<V>();

    pub(super) fn new() -> Self {
        Self {
            table: HashTable::new(),
            keys: Vec::new(),
            text_bytes: 0,
            values: Arc::new(Vec::new()),
        }
    }

    /// Returns the code of `key`, whose value is resolved when the key first appears.
    pub(super) fn code(&mut self, key: &[u8], resolve: impl FnOnce(&[u8]) -> V) -> u32 {
        let hash = xxh3_64(key);
        let keys = &self.keys;
        if let Some(&code) = self.table.find(hash, |&code| &*keys[code as usize] == key) {
            return code;
        }
        let code = u32::try_from(self.keys.len()).expect("a file has fewer lines than 2^32");
        let value = resolve(key);
        self.keys.push(key.into());
        self.text_bytes += key.len() + Self::BYTES_OF_A_KEY;
        Arc::make_mut(&mut self.values).push(value);
        let keys = &self.keys;
        self.table
            .insert_unique(hash, code, |&code| xxh3_64(&keys[code as usize]));
        code
    }

    /// Returns the memory of all keys, in bytes, and of their values without the texts, which are about as long.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Returns the value of a code.
    pub(super) fn value(&self, code: u32) -> &V {
        &self.values[code as usize]
    }

    /// Returns all values so far, by code.
    pub(super) fn values(&self) -> Arc<Vec<V>> {
        Arc::clone(&self.values)
    }
}

impl<V: Clone> Interner<Result<V, Refusal>> {
    /// Returns the code and the value of `key`, or why rows with it are refused.
    pub(super) fn resolve(
        &mut self,
        key: &[u8],
        resolve: impl FnOnce(&[u8]) -> Result<V, Refusal>,
    ) -> Result<(u32, &V), Refusal> {
        let code = self.code(key, resolve);
        match self.value(code) {
            Ok(value) => Ok((code, value)),
            Err(refusal) => Err(refusal.clone()),
        }
    }

    /// Returns the value of a code that [`Interner::resolve`] returned.
    pub(super) fn resolved(&self, code: u32) -> &V {
        let value = self.value(code).as_ref();
        value.expect("a refused value has no row")
    }
}
