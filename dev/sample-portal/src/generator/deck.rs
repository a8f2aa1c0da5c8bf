//! Values in given numbers, dealt in a random order.

use fastrand::Rng;

/// A shuffled list in which each value appears a given number of times.
pub(super) struct Deck(Vec<u8>);

impl Deck {
    /// `counts[value]` times each `value`.
    pub(super) fn shuffled(counts: &[u64], rng: &mut Rng) -> Self {
        let mut cards = Vec::new();
        for (value, &count) in (0_u8..).zip(counts) {
            let count = usize::try_from(count).expect("rows fit in memory");
            cards.resize(cards.len() + count, value);
        }
        rng.shuffle(&mut cards);
        Self(cards)
    }

    /// The cards of one month after those of another, each month shuffled: `counts[value][month]` times each `value`.
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

/// Makes `count` rows, spread over the `decks`, equal to the row before them by swapping cards, and returns for each row
/// whether it is one of these. There are fewer of them if too few cards are alike.
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

/// A card equal to the one before `index` that may change places with the one at `index`.
fn find_alike(deck: &Deck, index: usize, repeats: &[bool]) -> Option<usize> {
    let wanted = deck.0[index - 1];
    if deck.0[index] == wanted {
        return Some(index);
    }
    (index + 1..deck.0.len()).find(|&other| deck.0[other] == wanted && !repeats[other])
}
