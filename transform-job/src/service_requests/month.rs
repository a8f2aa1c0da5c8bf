//! A month's rows in the order of its file, with their ids.

use super::row::{MonthRows, Row, Values};

/// A row in its place, with its request id.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) row: Row,
    pub(super) request_id: [u8; 16],
}

/// The rows by type, ward (none last) and moment; among equals by identity, then by line. Exact duplicates are
/// neighbours in that order: each after the first gets an id of its own from its ordinal.
pub(super) fn in_order(month: &MonthRows) -> (Vec<Placed>, u64) {
    let rows = sorted(month);
    let mut placed = Vec::with_capacity(rows.len());
    let mut duplicates = 0;
    let mut previous = None;
    let mut ordinal = 0_u32;
    for row in rows {
        if previous == Some(row.identity) {
            ordinal += 1;
            duplicates += 1;
        } else {
            previous = Some(row.identity);
            ordinal = 0;
        }
        placed.push(Placed {
            row,
            request_id: request_id(row.identity, ordinal),
        });
    }
    (placed, duplicates)
}

/// The identity's big-endian bytes; for the `ordinal`th repetition, XXH3-128 of those and the ordinal's little-endian
/// bytes.
fn request_id(identity: u128, ordinal: u32) -> [u8; 16] {
    let first = identity.to_be_bytes();
    if ordinal == 0 {
        return first;
    }
    let mut repeated = [0; 20];
    repeated[..16].copy_from_slice(&first);
    repeated[16..].copy_from_slice(&ordinal.to_le_bytes());
    xxhash_rust::xxh3::xxh3_128(&repeated).to_be_bytes()
}

/// Distributes the rows by type, of which there are few, then sorts within each.
fn sorted(month: &MonthRows) -> Vec<Row> {
    let type_ranks = type_ranks(&month.values);
    let ward_ranks = ward_ranks(&month.values);
    let type_rank = |row: &Row| type_ranks[row.subject as usize] as usize;

    let types = type_ranks.iter().max().map_or(0, |most| *most as usize + 1);
    let mut starts = vec![0_usize; types + 1];
    for row in &month.rows {
        starts[type_rank(row) + 1] += 1;
    }
    for rank in 0..types {
        starts[rank + 1] += starts[rank];
    }
    let Some(&any) = month.rows.first() else {
        return Vec::new();
    };
    let mut sorted = vec![any; month.rows.len()];
    let mut next = starts.clone();
    for row in &month.rows {
        let place = &mut next[type_rank(row)];
        sorted[*place] = *row;
        *place += 1;
    }
    for bounds in starts.windows(2) {
        sorted[bounds[0]..bounds[1]].sort_unstable_by_key(|row| {
            let ward = ward_ranks[usize::from(row.ward)];
            (ward, row.created_at(), row.identity, row.line)
        });
    }
    sorted
}

/// For each subject its type's place among all types, by their bytes. Subjects of one type share it.
fn type_ranks(values: &Values) -> Vec<u32> {
    let kind = |index: usize| match &values.subjects[index] {
        Ok(subject) => &*subject.service_request_type,
        Err(_) => "",
    };
    let mut order: Vec<usize> = (0..values.subjects.len()).collect();
    order.sort_unstable_by_key(|&index| kind(index));
    let mut ranks = vec![0; order.len()];
    let mut rank = 0;
    for (place, &index) in order.iter().enumerate() {
        if place > 0 && kind(order[place - 1]) != kind(index) {
            rank += 1;
        }
        ranks[index] = rank;
    }
    ranks
}

fn ward_ranks(values: &Values) -> Vec<i32> {
    let rank = |id: Option<i32>| id.unwrap_or(i32::MAX);
    values.wards.iter().map(|ward| rank(ward.id)).collect()
}
