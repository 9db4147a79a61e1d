"""Every fixture: the fix changes the layers that PyTorch's calls ask for, and not a byte more."""

import os

import pytest

from coreml_resize_fix.errors import SchemaError
from coreml_resize_fix.formats.protobuf import schema
from coreml_resize_fix.intents import manifest
from coreml_resize_fix.run import pipeline
from tests.support import cases, edits, wirediff
from tests.support.folders import contents, copied

NETWORKS = [case for case in cases.ALL if case.name != "ct9_mlprogram"]
READABLE = [case for case in NETWORKS if case.is_readable]
OF_IOS14 = [case for case in NETWORKS if case.spec_version >= cases.IOS14_VERSION]
MENDED = [case for case in READABLE if edits.mends(case)[0]]
LEFT_ALONE = [case for case in READABLE if not edits.mends(case)[0]]

# Written down, so that a rule that stops mending something cannot pass unseen.
MENDED_IN_PART = {
    "blog_aux_FT",
    "blog_par_TF",
    "blog_q4lut",
    "blogfix_partial",
    "legacy_fp16",
    "legacy_image",
    "legacy_nearest_frac",
    "t17_ct40_aux_sf",
    "t213_oc12_parswap_TF",
}
MENDED_WHOLLY = 32  # of those that every coremltools reads
MENDED_WITH_IOS14 = {"ct9_nn_exportdyn_mulx"}
MATCH_AS_THEY_ARE = {"blog_same_acT"}


def names(case):
    return case.name


def fix(case, folder):
    """The model in a new folder, the report of its fix, and the result's path."""
    model = copied(case.path, folder)
    whole = edits.mends(case)[1]
    request = pipeline.Request(manifest=case.intents(), partial=not whole)
    return model, pipeline.process(model, request), os.path.join(str(folder), "model-fixed.mlmodel")


def test_the_tables_cover_the_fixtures():
    assert len(cases.CORPUS) == 38
    assert len(cases.MADE) == 29
    assert len(OF_IOS14) == 17
    in_part = {case.name for case in MENDED if not edits.mends(case)[1]}
    assert in_part == MENDED_IN_PART
    new = {case.name for case in MENDED if case.spec_version >= cases.IOS14_VERSION}
    assert new == (MENDED_WITH_IOS14 if schema.knows_ios14() else set())
    assert len(MENDED) - len(in_part) - len(new) == MENDED_WHOLLY
    right = {case.name for case in LEFT_ALONE if edits.mends(case)[1] and case.spec_version < 5}
    assert right == MATCH_AS_THEY_ARE


@pytest.mark.mostly_slow(quick=2)
@pytest.mark.parametrize("case", MENDED, ids=names)
def test_the_result_is_the_edited_message(case, tmp_path):
    _, report, result = fix(case, tmp_path)
    changed, whole = edits.mends(case)
    expected = edits.apply(edits.parsed(case.path), changed)
    assert edits.parsed(result) == expected
    fixed = {f.layer.address for f in report.findings if f.verdict == "fixed"}
    assert fixed == set(changed)
    assert report.output == result
    assert report.spec_after == expected.specificationVersion
    assert report.exit_code == (0 if whole else 1)


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("case", MENDED, ids=names)
def test_every_other_byte_is_identical(case, tmp_path):
    model, _, result = fix(case, tmp_path)
    allowed = edits.changed_fields(edits.parsed(case.path), edits.mends(case)[0])
    found = wirediff.changes(
        cases.read_bytes(case.path), cases.read_bytes(result), wirediff.opened(allowed)
    )
    assert sorted(change.path for change in found) == allowed
    assert cases.read_bytes(model) == cases.read_bytes(case.path)


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("case", MENDED, ids=names)
def test_in_memory_the_result_is_the_same(case, tmp_path):
    _, report, result = fix(case, tmp_path)
    request = pipeline.Request(manifest=case.intents(), partial=True)
    again, data = pipeline.process_bytes(cases.read_bytes(case.path), "model", request)
    assert data == cases.read_bytes(result)
    assert (again.exit_code, again.spec_after) == (report.exit_code, report.spec_after)


def test_the_example_is_mended_as_its_manifest_says(tmp_path):
    model = copied(os.path.join(cases.UNET, "unet.mlmodel"), tmp_path)
    intents = manifest.load(os.path.join(cases.UNET, "unet.intent.json"))
    changed = {
        "layers[9]": edits.strict(10, 12),
        "layers[13]": edits.strict(25, 31),
        "layers[17]": edits.strict(50, 62),
    }
    data, parsed = cases.read_bytes(model), edits.parsed(model)
    allowed = [((1, 0),)] + [((500, 0), (1, at), (210, 0)) for at in (9, 13, 17)]
    report = pipeline.process(model, pipeline.Request(manifest=intents, in_place=True))
    assert (report.exit_code, report.spec_before, report.spec_after) == (0, 2, 3)
    assert edits.parsed(model) == edits.apply(parsed, changed)
    found = wirediff.changes(data, cases.read_bytes(model), wirediff.opened(allowed))
    assert [change.path for change in found] == allowed


@pytest.mark.mostly_slow(quick=1)
@pytest.mark.parametrize("case", MENDED, ids=names)
def test_a_second_run_changes_nothing(case, tmp_path):
    _, first, result = fix(case, tmp_path)
    before = contents(tmp_path)
    again = pipeline.process(result, pipeline.Request(manifest=case.intents(), partial=True))
    assert again.output is None
    assert again.exit_code == first.exit_code
    assert contents(tmp_path) == before
    in_place = pipeline.Request(manifest=case.intents(), partial=True, in_place=True)
    assert pipeline.process(result, in_place).output is None
    assert contents(tmp_path) == before


@pytest.mark.mostly_slow(quick=4)
@pytest.mark.parametrize("case", MENDED, ids=names)
def test_a_dry_run_writes_nothing(case, tmp_path):
    model = copied(case.path, tmp_path)
    before = contents(tmp_path)
    report = pipeline.process(
        model, pipeline.Request(manifest=case.intents(), partial=True, dry_run=True)
    )
    assert report.exit_code == 1
    assert report.output is None
    fixable = {f.layer.address for f in report.findings if f.verdict == "fixable"}
    assert fixable == set(edits.mends(case)[0])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", sorted(MENDED_IN_PART))
def test_nothing_is_written_in_part_unless_asked(name, tmp_path):
    case = cases.named(name)
    model = copied(case.path, tmp_path)
    before = contents(tmp_path)
    report = pipeline.process(model, pipeline.Request(manifest=case.intents()))
    assert report.exit_code == 1
    assert report.output is None
    assert "fixed" not in {finding.verdict for finding in report.findings}
    assert contents(tmp_path) == before


@pytest.mark.parametrize("case", LEFT_ALONE, ids=names)
def test_what_needs_no_fix_or_has_none_is_left_alone(case, tmp_path):
    model = copied(case.path, tmp_path)
    before = contents(tmp_path)
    report = pipeline.process(model, pipeline.Request(manifest=case.intents(), partial=True))
    assert report.exit_code == (0 if edits.mends(case)[1] else 1)
    assert report.output is None
    assert contents(tmp_path) == before


@pytest.mark.parametrize("case", OF_IOS14, ids=names)
def test_a_model_newer_than_the_schema_is_refused(case, tmp_path, monkeypatch):
    # With coremltools 3.2 this is the truth already.
    monkeypatch.setattr(schema, "knows_ios14", lambda: False)
    model = copied(case.path, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(SchemaError, match=r"specification version 5.* too old to describe it"):
        pipeline.process(model, pipeline.Request(manifest=case.intents()))
    assert contents(tmp_path) == before
