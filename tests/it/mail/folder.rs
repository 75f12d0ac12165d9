//! Mails as files.

use entrawatch::mail::folder::FolderMailer;
use entrawatch::mail::samples::{renderer, samples};
use entrawatch::mail::{Envelope, Fate, Mailer as _};
use uuid::Uuid;

#[tokio::test]
async fn a_mail_is_one_file_however_often_it_is_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("outbox");
    let mailer = FolderMailer::new(directory.clone());
    let from = "entrawatch@example.com".parse().unwrap();
    let to = "payroll@example.com".parse().unwrap();
    let id = Uuid::from_u128(7);
    let mail = renderer().unwrap().render(&samples()[0].digest, id);
    let message = mail.message.as_bytes();
    for _ in 0..3 {
        mailer.send(Envelope { from: &from, to: &to, id, message }).await.expect("written");
    }
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [directory.join("20261122T090000Z-00000000-0000-0000-0000-000000000007.eml")]);
    assert_eq!(std::fs::read(&files[0]).unwrap(), message);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("outbox");
    std::fs::write(&in_the_way, "a file").unwrap();
    let from = "entrawatch@example.com".parse().unwrap();
    let envelope = Envelope { from: &from, to: &from, id: Uuid::from_u128(7), message: b"Subject: x\r\n\r\n" };
    let error = FolderMailer::new(in_the_way.clone()).send(envelope).await.expect_err("a file is in the way");
    assert_eq!((error.fate, error.after_data), (Fate::Misconfigured, false), "{error}");
    assert!(error.answer.starts_with(&format!("cannot write a mail into {}: ", in_the_way.display())), "{error}");
    assert!(error.answer.ends_with("change mail.transport.path"), "{error}");
}
