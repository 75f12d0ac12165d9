//! Compressed text in pieces that can be put together without being compressed again.
//!
//! A [`Piece`] is deflated on its own and ends on a byte boundary (a sync flush), so that pieces in any order, between a gzip header
//! and a trailer whose checksum is combined from theirs, are one valid gzip stream with one member.

use std::io;

use axum::body::Bytes;
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress};

/// Fast rather than small: a scrape waits for it, and repetitive text shrinks well at any level.
const LEVEL: Compression = Compression::fast();
/// How much room the output is given at a time.
const STEP: usize = 64 * 1024;
/// Magic number, deflate, no flags, no time, no hint, unknown system.
const GZIP_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty final block with fixed codes.
const LAST_BLOCK: &[u8] = &[3, 0];

/// Deflated text that is part of a stream.
#[derive(Debug)]
pub(super) struct Piece {
    deflated: Bytes,
    crc: Crc,
}

/// Compresses what is written to it.
#[derive(Debug)]
pub(super) struct Deflater {
    compress: Compress,
    crc: Crc,
    out: Vec<u8>,
}

impl Deflater {
    pub(super) fn new() -> Self {
        Self { compress: Compress::new(LEVEL, false), crc: Crc::new(), out: Vec::new() }
    }

    /// Compresses some text.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        self.crc.update(text);
        let mut rest = text;
        while !rest.is_empty() {
            let before = self.compress.total_in();
            self.step(rest, FlushCompress::None)?;
            let taken = usize::try_from(self.compress.total_in() - before).map_err(io::Error::other)?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends the piece on a byte boundary.
    pub(super) fn finish(mut self) -> io::Result<Piece> {
        loop {
            self.step(&[], FlushCompress::Sync)?;
            if self.out.len() < self.out.capacity() {
                break;
            }
        }
        self.out.shrink_to_fit();
        Ok(Piece { deflated: self.out.into(), crc: self.crc })
    }

    fn step(&mut self, text: &[u8], flush: FlushCompress) -> io::Result<()> {
        if self.out.capacity() - self.out.len() < STEP / 2 {
            self.out.reserve(STEP);
        }
        self.compress.compress_vec(text, &mut self.out, flush)?;
        Ok(())
    }
}

impl Piece {
    /// Compresses a text as a whole.
    pub(super) fn of(text: &str) -> io::Result<Self> {
        let mut deflater = Deflater::new();
        deflater.write(text.as_bytes())?;
        deflater.finish()
    }

    /// How large it is, compressed.
    pub(super) fn len(&self) -> usize {
        self.deflated.len()
    }

    /// The text, a block at a time.
    pub(super) fn inflate(&self) -> Inflate {
        Inflate { deflated: self.deflated.clone(), decompress: Decompress::new(false) }
    }
}

/// Pieces as one gzip stream, in blocks that share the pieces' memory.
pub(super) fn gzip<'a>(pieces: impl IntoIterator<Item = &'a Piece>) -> Vec<Bytes> {
    let mut crc = Crc::new();
    let mut blocks = vec![Bytes::from_static(GZIP_HEADER)];
    for piece in pieces {
        crc.combine(&piece.crc);
        blocks.push(piece.deflated.clone());
    }
    let mut end = LAST_BLOCK.to_vec();
    end.extend(crc.sum().to_le_bytes());
    end.extend(crc.amount().to_le_bytes());
    blocks.push(end.into());
    blocks
}

/// The text of a piece, a block at a time: memory stays small whatever its size.
#[derive(Debug)]
pub(super) struct Inflate {
    deflated: Bytes,
    decompress: Decompress,
}

impl Iterator for Inflate {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let taken = usize::try_from(self.decompress.total_in()).unwrap_or(usize::MAX);
        let rest = self.deflated.get(taken..)?;
        let mut text = Vec::with_capacity(STEP);
        match self.decompress.decompress_vec(rest, &mut text, FlushDecompress::None) {
            Err(error) => Some(Err(error.into())),
            Ok(_) if text.is_empty() => None,
            Ok(_) => Some(Ok(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn noise(seed: u64, lines: usize) -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..lines).flat_map(|_| ["entra ".to_owned(), random.u128(..).to_string(), "\n".to_owned()]).collect()
    }

    #[test]
    fn pieces_in_any_order_are_one_gzip_stream() {
        let texts = [noise(1, 3), String::new(), noise(2, 20_000), "x".repeat(300_000), noise(3, 1)];
        let pieces: Vec<_> = texts.iter().map(|text| Piece::of(text).unwrap()).collect();
        for order in [vec![0, 1, 2, 3, 4], vec![4, 2, 0], vec![3, 3, 1], vec![]] {
            let stream = gzip(order.iter().map(|at| &pieces[*at])).concat();
            let mut read = String::new();
            // This decoder reads one member and checks length and checksum.
            let mut decoder = flate2::bufread::GzDecoder::new(stream.as_slice());
            decoder.read_to_string(&mut read).unwrap();
            assert_eq!(read, order.iter().map(|at| texts[*at].as_str()).collect::<String>());
            assert!(decoder.into_inner().is_empty(), "something stands after the first member");
        }
    }

    #[test]
    fn a_piece_reads_back_in_small_blocks() {
        let text = noise(4, 10_000);
        let piece = Piece::of(&text).unwrap();
        let blocks: Vec<_> = piece.inflate().map(Result::unwrap).collect();
        assert!(blocks.iter().all(|block| block.len() <= STEP));
        assert_eq!(blocks.concat(), text.as_bytes());
    }
}
