//! The wards of a file, each with a code.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::contract::Rules;

use super::interner::Interner;
use super::location::{Ward, WardReading, Wards};
use super::reading::{ParseError, Rejected};
use super::refusal::Refusal;

/// A ward's index in the file's wards, and whether it is in the contract.
#[derive(Debug, Clone, Copy)]
pub(super) struct WardCode {
    pub(super) code: u16,
    pub(super) is_known: bool,
}

/// The codes of a published ward before and from a day on, mostly the same.
#[derive(Debug, Clone, Copy)]
struct CodesByDate {
    before: u16,
    since: u16,
    /// The start of the day, wall-clock time in microseconds since 1970.
    switch: i64,
    is_known: bool,
}

/// Resolves published wards.
pub(super) struct WardCodes<'a> {
    reader: Wards<'a>,
    texts: Interner<Result<CodesByDate, Refusal>>,
    wards: Arc<Vec<Ward>>,
    codes: HashMap<(Arc<str>, Option<i32>), u16>,
}

impl<'a> WardCodes<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self {
            reader: Wards::new(rules),
            texts: Interner::new(),
            wards: Arc::new(Vec::new()),
            codes: HashMap::new(),
        }
    }

    /// Returns the code of the ward in `text` at a wall-clock time.
    pub(super) fn resolve(
        &mut self,
        text: &[u8],
        created_local: i64,
    ) -> Result<WardCode, Rejected> {
        let (_, codes) = self.texts.resolve(text, |text| {
            let reading = self.reader.read(text)?;
            Ok(codes_of(reading, &mut self.wards, &mut self.codes))
        })?;
        let code = if created_local < codes.switch {
            codes.before
        } else {
            codes.since
        };
        if code == u16::MAX {
            return Err(Rejected::File(ParseError::TooManyValues {
                column: "Ward",
                max: usize::from(u16::MAX),
            }));
        }
        Ok(WardCode {
            code,
            is_known: codes.is_known,
        })
    }

    /// Whether `text` is a ward of a model in the contract.
    pub(super) fn recognises(&self, text: &[u8]) -> bool {
        match self.reader.read(text) {
            Ok(WardReading::Plain(ward)) => ward.id.is_some(),
            Ok(WardReading::ByDate { .. }) => true,
            Ok(WardReading::Unknown(_)) | Err(_) => false,
        }
    }

    pub(super) fn ward(&self, code: WardCode) -> &Ward {
        &self.wards[usize::from(code.code)]
    }

    /// Returns all wards so far, by code.
    pub(super) fn wards(&self) -> Arc<Vec<Ward>> {
        Arc::clone(&self.wards)
    }

    /// Returns the memory of the distinct texts so far.
    pub(super) fn text_bytes(&self) -> usize {
        self.texts.text_bytes()
    }
}

/// Returns the codes of a ward's readings in `wards`, which is extended as needed. `u16::MAX` is none.
fn codes_of(
    reading: WardReading,
    wards: &mut Arc<Vec<Ward>>,
    codes: &mut HashMap<(Arc<str>, Option<i32>), u16>,
) -> CodesByDate {
    let mut code = |ward: Ward| {
        let next = u16::try_from(wards.len()).unwrap_or(u16::MAX);
        let code = codes
            .entry((Arc::clone(&ward.identity), ward.model))
            .or_insert(next);
        if *code == next && next < u16::MAX {
            Arc::make_mut(wards).push(ward);
        }
        *code
    };
    let mut always = |ward: Ward, is_known: bool| {
        let code = code(ward);
        CodesByDate {
            before: code,
            since: code,
            switch: i64::MIN,
            is_known,
        }
    };
    match reading {
        WardReading::Plain(ward) => always(ward, true),
        WardReading::Unknown(ward) => always(ward, false),
        WardReading::ByDate {
            switch,
            before,
            since,
        } => CodesByDate {
            before: code(before),
            since: code(since),
            switch: wall_clock_micros(switch),
            is_known: true,
        },
    }
}

fn wall_clock_micros(date: Date) -> i64 {
    let start = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
    start.map_or(i64::MIN, Timestamp::as_microsecond)
}
