//! Compares objects with what their manifests state.

use std::io::{self, Read};

use super::altered;
use crate::fingerprint::{Checksum, Hasher};
use crate::object::{Difference, Object, Stated};

/// A reader of an object that fails in place of its end if the content is not the one that the manifest states. So
/// what was read to the end is what was written.
pub(super) struct Intact<R> {
    content: R,
    object: Object,
    size_bytes: u64,
    sum: Sum,
}

/// The sum that the manifest states. Manifests of earlier versions have no CRC32C.
enum Sum {
    Crc32c(u32),
    Sha256(Hasher),
}

impl<R: Read> Intact<R> {
    pub(super) fn new(content: R, object: Object) -> Self {
        let sum = match &object.crc32c {
            Some(_) => Sum::Crc32c(0),
            None => Sum::Sha256(Hasher::default()),
        };
        Self {
            content,
            object,
            size_bytes: 0,
            sum,
        }
    }

    fn compare(&self) -> Result<(), Difference> {
        let crc32c = match &self.sum {
            Sum::Crc32c(sum) => Some(Checksum::of_crc32c(*sum)),
            Sum::Sha256(_) => None,
        };
        let size_bytes = Some(self.size_bytes);
        Stated { size_bytes, crc32c }.compare(&self.object)?;
        match &self.sum {
            Sum::Sha256(hasher) => {
                let found = hasher.clone().finish();
                if found == self.object.sha256 {
                    Ok(())
                } else {
                    Err(Difference::of_digests(&found, &self.object.sha256))
                }
            }
            Sum::Crc32c(_) => Ok(()),
        }
    }
}

impl<R: Read> Read for Intact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.content.read(buffer)?;
        if length == 0 && !buffer.is_empty() {
            self.compare()
                .map_err(|difference| io::Error::other(altered(&self.object, difference)))?;
        }
        let bytes = &buffer[..length];
        match &mut self.sum {
            Sum::Crc32c(sum) => *sum = crc32c::crc32c_append(*sum, bytes),
            Sum::Sha256(hasher) => hasher.update(bytes),
        }
        self.size_bytes += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Measured;
    use crate::key::Key;

    fn object(content: &[u8]) -> Object {
        Object::of(Key::new("raw/a").expect("a key"), Measured::of(content))
    }

    fn read(content: &[u8], object: Object) -> Result<usize, String> {
        let mut reader = Intact::new(content, object);
        let read = reader.read_to_end(&mut Vec::new());
        read.map_err(|error| error.to_string())
    }

    /// With both sums, and again behind the end.
    #[test]
    fn every_flipped_bit_is_found_before_the_end() {
        let content: Vec<u8> = (0..200).collect();
        let mut older = object(&content);
        older.crc32c = None;
        for object in [object(&content), older] {
            assert_eq!(read(&content, object.clone()), Ok(200));
            for bit in 0..content.len() * 8 {
                let mut flipped = content.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let refused = read(&flipped, object.clone()).expect_err("another content");
                assert!(refused.starts_with("raw/a has the "), "{refused}");
            }
            let short = read(&content[1..], object.clone()).expect_err("another length");
            assert!(short.starts_with("raw/a has 199 bytes"), "{short}");
            let mut reader = Intact::new(&content[..], object);
            reader.read_to_end(&mut Vec::new()).expect("intact");
            assert_eq!(reader.read(&mut [0]).expect("still intact"), 0);
        }
    }
}
