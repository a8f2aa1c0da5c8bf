//! Draws values in random order, each a given number of times.

use fastrand::Rng;

/// A shuffled list in which each value appears a given number of times.
pub(super) struct Deck(Vec<u8>);

impl Deck {
    /// Returns a deck with each `value` `counts[value]` times.
    pub(super) fn shuffled(counts: &[u64], rng: &mut Rng) -> Self {
        let mut cards = Vec::new();
        for (value, &count) in (0_u8..).zip(counts) {
            let count = usize::try_from(count).expect("rows fit in memory");
            cards.resize(cards.len() + count, value);
        }
        rng.shuffle(&mut cards);
        Self(cards)
    }

    /// Returns a deck of consecutive months, each shuffled, with each `value` `counts[value][month]` times.
    pub(super) fn of_months(counts: &[[u64; 12]], rng: &mut Rng) -> Self {
        let months = (0..12).map(|month| {
            let counts: Vec<u64> = counts.iter().map(|months| months[month]).collect();
            Self::shuffled(&counts, rng).0
        });
        Self(months.flatten().collect())
    }

    pub(super) fn at(&self, index: usize) -> usize {
        self.0[index].into()
    }
}

/// Makes `count` rows, spread over the months, equal to the preceding row in all `decks` by swapping cards, and returns
/// for each row whether it is one of them. There are fewer if too few cards are equal.
pub(super) fn repeat(
    decks: &mut [&mut Deck],
    count: u64,
    allowed: impl Fn(usize) -> bool,
) -> Vec<bool> {
    let rows = decks[0].0.len();
    let mut repeats = vec![false; rows];
    let count = usize::try_from(count).expect("rows fit in memory");
    let Some(spacing) = rows.checked_div(count) else {
        return repeats;
    };
    for number in 0..count {
        let start = number * spacing;
        let candidates = (start + 1)..(start + spacing.min(rows - start));
        for index in candidates {
            let alike: Option<Vec<usize>> = decks
                .iter()
                .map(|deck| find_alike(deck, index, &repeats))
                .collect();
            if let Some(alike) = alike.filter(|_| allowed(index) && !repeats[index - 1]) {
                for (deck, other) in decks.iter_mut().zip(alike) {
                    deck.0.swap(index, other);
                }
                repeats[index] = true;
                break;
            }
        }
    }
    repeats
}

/// Returns a card equal to the one before `index` that can be swapped with the one at `index`.
fn find_alike(deck: &Deck, index: usize, repeats: &[bool]) -> Option<usize> {
    let wanted = deck.0[index - 1];
    if deck.0[index] == wanted {
        return Some(index);
    }
    (index + 1..deck.0.len()).find(|&other| deck.0[other] == wanted && !repeats[other])
}
