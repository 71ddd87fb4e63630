"""Which elements of DICOM say what tells frames apart, by the keywords of the standard."""

# {name of a fact: (its keyword, ...) in a classic file}
CLASSIC = {
    "image type": ("ImageType",),
    "component": ("ComplexImageComponent",),
    "stack": ("StackID",),
    "echo time": ("EchoTime",),
    "echo": ("EchoNumbers",),
    "b-value": ("DiffusionBValue",),
    "gradient": ("DiffusionGradientOrientation",),
    "inversion time": ("InversionTime",),
    "flip angle": ("FlipAngle",),
    "kernel": ("ConvolutionKernel",),
    "tube voltage": ("KVP",),
    "energy window": ("EnergyWindowNumber",),
    "temporal position": ("TemporalPositionIdentifier",),
    "trigger time": ("TriggerTime",),
    "cardiac phase": ("NominalPercentageOfCardiacPhase",),
    "frame time": ("FrameReferenceTime",),
    "acquisition": ("AcquisitionNumber",),
    "acquisition time": ("AcquisitionDateTime", "AcquisitionTime"),
    "content time": ("ContentTime",),
    "reconstruction": ("SeriesTime",),
}
# {name of a fact: [(sequence of a frame's items, keyword), ...] in an enhanced file}
ENHANCED = {
    "image type": [
        ("MRImageFrameTypeSequence", "FrameType"),
        ("CTImageFrameTypeSequence", "FrameType"),
        ("PETFrameTypeSequence", "FrameType"),
    ],
    "component": [("MRImageFrameTypeSequence", "ComplexImageComponent")],
    "stack": [("FrameContentSequence", "StackID")],
    "echo time": [("MREchoSequence", "EffectiveEchoTime")],
    "b-value": [("MRDiffusionSequence", "DiffusionBValue")],
    "inversion time": [("MRModifierSequence", "InversionTimes")],
    "flip angle": [("MRTimingAndRelatedParametersSequence", "FlipAngle")],
    "kernel": [("CTReconstructionSequence", "ConvolutionKernel")],
    "tube voltage": [("CTXRayDetailsSequence", "KVP")],
    "temporal position": [
        ("FrameContentSequence", "TemporalPositionIndex"),
        ("TemporalPositionSequence", "TemporalPositionTimeOffset"),
    ],
    "trigger time": [("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")],
    "cardiac phase": [
        ("CardiacSynchronizationSequence", "NominalPercentageOfCardiacPhase"),
    ],
    "acquisition": [("FrameContentSequence", "FrameAcquisitionNumber")],
    "acquisition time": [("FrameContentSequence", "FrameAcquisitionDateTime")],
    "content time": [("FrameContentSequence", "FrameReferenceDateTime")],
}
ABOUT = {
    "modality": "Modality",
    "number": "SeriesNumber",
    "description": "SeriesDescription",
    "reference": "FrameOfReferenceUID",
}
