//! `PUT` and `DELETE indicators`: a stream of elements in, a sentence and the rejected ones out.

use std::iter;

use actix_web::{HttpResponse, http::StatusCode};
use bytes::Bytes;
use sluice_ingest::{DeleteRules, PutRules, Receipt, Upload};

use crate::{
    api::{
        gate::{Admitted, Subject},
        path::Version,
    },
    http::{answer, body::BodyReader, problem::Cause},
};

/// Adds indicators and answers once every accepted one is durable.
pub(super) async fn add(reader: BodyReader<'_>, admitted: Admitted) -> Result<HttpResponse, Cause> {
    let Subject::Supplier(supplier) = &admitted.subject else { return Err(Cause::Internal) };
    let permit = admitted.permit.ok_or(Cause::Internal)?;
    let rules = PutRules {
        supplier: supplier.id,
        is_false_positive: supplier.is_false_positive(),
        takes_tags: Version::V1_1 <= admitted.found.version,
        takes_marks: Version::V1_2 <= admitted.found.version,
        refang: supplier.settings.refang,
        now_seconds: crate::now_seconds(),
    };
    let upload = admitted.ingestor.put(permit, rules)?;
    let receipt = upload_body(reader, upload).await?;
    answer_receipt(
        receipt,
        StatusCode::CREATED,
        "All indicators were successfully added to the database",
        "An error occurred while adding some of the indicators to the database",
    )
}

/// Removes indicators and answers once all removals are durable.
pub(super) async fn delete(reader: BodyReader<'_>, admitted: Admitted) -> Result<HttpResponse, Cause> {
    let Subject::Supplier(supplier) = &admitted.subject else { return Err(Cause::Internal) };
    let permit = admitted.permit.ok_or(Cause::Internal)?;
    let rules = DeleteRules {
        supplier: supplier.id,
        takes_marks: Version::V1_2 <= admitted.found.version,
        refang: supplier.settings.refang,
    };
    let upload = admitted.ingestor.delete(permit, rules)?;
    let receipt = upload_body(reader, upload).await?;
    answer_receipt(
        receipt,
        StatusCode::OK,
        "All indicators were successfully deleted from the database",
        "An error occurred while deleting some of the indicators from the database",
    )
}

async fn upload_body(mut reader: BodyReader<'_>, mut upload: Upload) -> Result<Receipt, Cause> {
    while let Some(piece) = reader.next().await? {
        upload.feed(&piece).await?;
    }
    Ok(upload.finish().await?)
}

fn answer_receipt(
    receipt: Receipt,
    status: StatusCode,
    all: &'static str,
    some: &'static str,
) -> Result<HttpResponse, Cause> {
    if receipt.rejections.is_empty() {
        return answer::sentence(status, all);
    }
    let before = Bytes::from(format!("[{{\"status\":\"{some}\",\"error_indicators\":"));
    let after = Bytes::from_static(b"}]");
    let bytes = (before.len() + after.len()) as u64 + receipt.rejections.json_bytes();
    let pieces = iter::once(before).chain(receipt.rejections.into_json_chunks()).chain(iter::once(after));
    Ok(answer::of_pieces(StatusCode::ACCEPTED, bytes, pieces))
}
