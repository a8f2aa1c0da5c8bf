//! Sorts a month's rows in the order of its file, and assigns their ids.

use super::row::{Row, Values};

/// Sorts the rows by type, ward (missing last) and time; equal ones by identity, then by line. Exact duplicates are
/// adjacent in that order: each one after the first gets its own identity. Returns the rows and the number of such
/// duplicates.
pub(super) fn in_order(mut rows: Vec<Row>, values: &Values) -> (Vec<Row>, u64) {
    let types = ranks(values.subjects.iter().map(|subject| match subject {
        Ok(subject) => &*subject.service_request_type,
        Err(_) => "",
    }));
    let wards = ranks(values.wards.iter().map(|ward| (ward.id.is_none(), ward.id)));
    let type_rank = |row: &Row| types[row.subject as usize];
    let ward_rank = |row: &Row| wards[usize::from(row.ward)];

    // Files are mostly in chronological order already, which makes this fast. The steps below preserve that order.
    rows.sort_by_key(Row::created_at);
    let order: Vec<u32> = (0..).take(rows.len()).collect();
    let order = distributed(&order, &rows.iter().map(ward_rank).collect::<Vec<_>>());
    let order = distributed(&order, &rows.iter().map(type_rank).collect::<Vec<_>>());
    let mut sorted: Vec<Row> = order.iter().map(|&row| rows[row as usize]).collect();
    drop(rows);

    let sort_key = |row: &Row| (row.created_at(), ward_rank(row), type_rank(row));
    let mut duplicates = 0;
    for rows in sorted.chunk_by_mut(|a, b| sort_key(a) == sort_key(b)) {
        rows.sort_unstable_by_key(|row| (row.identity, row.line));
        for equal in rows.chunk_by_mut(|a, b| a.identity == b.identity) {
            for (ordinal, row) in (0..).zip(equal).skip(1) {
                row.identity = repeated(row.identity, ordinal);
                duplicates += 1;
            }
        }
    }
    (sorted, duplicates)
}

/// Returns the identity of the `ordinal`th repetition of a row: XXH3-128 of the row's own identity, big-endian, and the
/// ordinal, little-endian.
fn repeated(identity: u128, ordinal: u32) -> u128 {
    let mut bytes = [0; 20];
    bytes[..16].copy_from_slice(&identity.to_be_bytes());
    bytes[16..].copy_from_slice(&ordinal.to_le_bytes());
    xxhash_rust::xxh3::xxh3_128(&bytes)
}

/// Returns the rank of each key among the distinct keys.
fn ranks<K: Copy + Ord>(keys: impl Iterator<Item = K>) -> Vec<u32> {
    let keys: Vec<K> = keys.collect();
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by_key(|&index| keys[index]);
    let mut ranks = vec![0; keys.len()];
    for (rank, indices) in (0..).zip(order.chunk_by(|&a, &b| keys[a] == keys[b])) {
        for &index in indices {
            ranks[index] = rank;
        }
    }
    ranks
}

/// Sorts the rows of `order` by rank, stably. This is a counting sort, because there are few ranks.
fn distributed(order: &[u32], ranks: &[u32]) -> Vec<u32> {
    let bound = ranks.iter().max().map_or(0, |max| *max as usize + 1);
    let mut starts = vec![0_u32; bound + 1];
    for &rank in ranks {
        starts[rank as usize + 1] += 1;
    }
    for rank in 0..bound {
        starts[rank + 1] += starts[rank];
    }
    let mut sorted = vec![0; order.len()];
    for &row in order {
        let next = &mut starts[ranks[row as usize] as usize];
        sorted[*next as usize] = row;
        *next += 1;
    }
    sorted
}
