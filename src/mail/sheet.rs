//! Attached files: comma-separated values as spreadsheets read them.

use std::io::Error as IoError;

/// Rows under their heads, with the byte order mark without which Excel misreads names. The cells are those of [`super::text::cell`].
pub fn csv<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(IoError::other(error.to_string())))
}
