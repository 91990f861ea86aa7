package featureflag

// rendered is what an answer says of a flag whatever the context: encoded once.
type rendered struct {
	key      []byte            // the key, and the field it stands in
	metadata []byte            // the field, or nothing
	variants map[string][]byte // value and variant, each with its field
}

func render(f *Flag) rendered {
	r := rendered{key: append([]byte(`"key":`), encode(f.Key)...), variants: map[string][]byte{}}
	if len(f.Metadata) > 0 {
		r.metadata = append([]byte(`,"metadata":`), encode(f.Metadata)...)
	}
	for name, value := range f.Variants {
		both := append([]byte(`,"value":`), value...)
		r.variants[name] = append(append(both, `,"variant":`...), encode(name)...)
	}
	return r
}

// appendAnswer writes a result as OFREP's evaluationSuccess or evaluationFailure. DEFAULT is
// no reason of OFREP 0.3: it becomes UNKNOWN, as STATIC would let clients keep the value.
func (f *Flag) appendAnswer(out []byte, r Result) []byte {
	out = append(append(out, '{'), f.rendered.key...)
	if r.Error != "" {
		out = append(append(append(out, `,"errorCode":"`...), r.Error...), `","errorDetails":`...)
		out = append(out, encode(r.Details)...)
	} else {
		reason := r.Reason
		if reason == ReasonDefault {
			reason = reasonUnknown
		}
		out = append(append(append(out, `,"reason":"`...), reason...), '"')
		out = append(out, f.rendered.variants[r.Variant]...)
	}
	return append(append(out, f.rendered.metadata...), '}')
}
