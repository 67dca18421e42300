"""Configurations, asked for and effective: where a model runs, in which number format, how its weights are compressed."""

SETTINGS = ("device", "dtype", "quantization")


def differences(asked: dict, effective: dict) -> list[str]:
    """How `effective` differs from `asked` in SETTINGS, in words: 'cpu instead of cuda'. Empty where it does not."""
    named = {"none": "no quantization"}
    return [
        f"{named.get(effective[name], effective[name])} instead of {named.get(asked[name], asked[name])}"
        for name in SETTINGS
        if effective[name] != asked[name]
    ]


def in_words(effective: dict) -> str:
    """'cpu, float32, 4bit'; nothing is said of quantization where there is none."""
    return ", ".join(effective[name] for name in SETTINGS if effective[name] != "none")


def weight_bytes(effective: dict) -> int:
    """The bytes of all weights in memory."""
    return sum(part["bytes"] for part in effective["parts"])
