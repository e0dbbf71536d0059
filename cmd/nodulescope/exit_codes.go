package main

import "strings"

// exitCodes has the exit code of every code that an error of a package can
// carry: docs/errors.md tells what each means. A test holds it complete.
var exitCodes = func() map[string]int {
	codes := map[string]int{}
	for exit, names := range map[int]string{
		exitUsage: `settings_invalid site_invalid`,
		exitBadInput: `
			folder_missing folder_empty file_unreadable file_truncated no_pixel_data no_pixel_spacing no_position not_ct archive_unsupported
			dicomdir_unusable file_missing
			series_not_found series_ambiguous transfer_syntax_unsupported pixel_format_unsupported multi_frame_unsupported
			decoded_size_mismatch too_few_slices missing_slices irregular_spacing duplicate_position mixed_geometry
			model_unknown candidate_damaged model_damaged model_preprocessing model_key_invalid model_untrusted promotion_invalid model_not_compared model_not_better shadow_invalid object_damaged consent_same_person consent_void consent_pending
			series_arriving several_volumes mixed_volumes uid_repeated patients_differ slices_off_line gantry_tilt lossy_compression limit_exceeded pacs_not_found
			report_invalid report_not_written not_a_report candidate_elsewhere
			candidate_invalid candidate_outside_scan candidate_duplicate too_many_candidates no_candidates
			candidate_file_invalid gap_in_nodule cube_padding support_too_small geometry_invalid dataset_invalid split_invalid
			mask_empty measure_invalid nodule_not_found coarse_cube_absent outline_cut feature_not_finite
			rungs_too_few rungs_one_class feature_constant rating_invalid rungs_invalid
			not_json not_cloudevent unknown_schema_version wrong_type job_too_large too_many_nodules job_invalid
			result_invalid review_invalid dead_invalid message_too_large not_replayable
			site_key_invalid site_data_empty site_data_changed site_input_invalid result_missing result_superseded patient_unknown
			patient_conflict backup_damaged duplicate_nodule not_a_nodule nodule_not_outlined
			retrain_too_few retrain_preprocessing retrain_incumbent retrain_state
			uri_unsupported uri_forbidden study_mismatch series_mismatch frame_of_reference_mismatch`,
		exitFailure: `
			storage_silent pacs_unreachable pacs_failed pacs_denied pacs_refused pacs_store_refused
			bus_unreachable stream_unavailable stream_incompatible store_locked store_damaged bucket_full server_failed retries_exhausted
			detector_failed outline_failed headline_failed score_not_finite deadline_passed job_timed_out internal_error
			backup_failed retrain_locked retrain_write_failed ledger_failed ledger_locked ledger_damaged audit_failed result_gone model_store_failed model_store_locked shadow_failed drift_failed`,
	} {
		for _, name := range strings.Fields(names) {
			codes[name] = exit
		}
	}
	return codes
}()
